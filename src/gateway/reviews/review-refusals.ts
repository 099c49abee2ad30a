import type { ReviewId } from '../../domain/ids.js'
import type { ReviewStep } from '../../domain/review-machine.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { ReviewQuestion } from './desk.js'

/** what people cannot be shown whole they are not asked about. Of the subject as JSON, in UTF-16 units. */
const SUBJECT_LENGTH_MAX = 1024 * 1024

/** Why a question is not asked; undefined when it may be. */
export function whyNotAsked({ subject, demands, reason }: ReviewQuestion): HoopError | undefined {
  const what = subject.kind === 'operation' ? 'run the statement' : `open "${subject.connection}"`
  const [first] = demands
  if (first === undefined) throw new Error('a question without a demand')
  const wantsReason = demands.find(({ terms }) => terms.reasonRequired)
  if (wantsReason !== undefined && (reason === undefined || reason.trim() === '')) {
    const because = `rule "${wantsReason.rule}" asks people, who want a reason`
    return new HoopError('usage', `Cannot ${what}: ${because}`, {
      hint: `hoop connect ${subject.connection} --reason "…"`,
    })
  }
  if (JSON.stringify(subject).length > SUBJECT_LENGTH_MAX) {
    const because = `rule "${first.rule}" asks people, and it is too large to be shown to people`
    return new HoopError('limit_exceeded', `Cannot ${what}: ${because}`)
  }
  return undefined
}

/** nobody is asked so much that they say yes to be left alone. */
export function asksTooMuch(because: 'pending' | 'recent'): HoopError {
  const why = because === 'pending' ? 'too many of your questions wait already' : 'you asked too much lately'
  return new HoopError('limit_exceeded', `Cannot ask for approval: ${why}`, { hint: 'hoop reviews --mine' })
}

/** Says the same of a review that is not there and of one that is not for whoever reads it. */
export function unknownReview(id: string): HoopError {
  return new HoopError(
    'not_found',
    `Cannot read review "${id}": there is none of that name that you may see`,
    { hint: 'hoop reviews' },
  )
}

/** A step that was refused, as an error. */
export function refusedStep(
  id: ReviewId,
  verb: 'answer' | 'withdraw' | 'use',
  { code, why }: Extract<ReviewStep, { kind: 'refused' }>,
): HoopError {
  return new HoopError(code, `Cannot ${verb} review "${id}": ${why}`, { hint: `hoop reviews show ${id}` })
}
