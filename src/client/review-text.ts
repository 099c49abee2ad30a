import type { ReviewSubjectView, ReviewView } from '../domain/api.js'
import { unreachable } from '../lib/unreachable.js'
import { toPrintable, toPrintableLines } from '../recording/printable.js'
import { showDuration } from './durations.js'
import { approversOf, countDown, describeAnswer, describeState, showTime } from './review-words.js'
import { wrapCautiously } from './wrap-cautiously.js'

export interface ReviewTextOptions {
  readonly now: Date
  /** Columns of the terminal; lines are broken at it, nothing is cut. */
  readonly widthMax: number
}

type Operation = Extract<ReviewSubjectView, { kind: 'operation' }>

const LABEL_WIDTH = 13
/** Begins each line of a statement: what is behind it was written by who asks. */
const QUOTE = '| '

/**
 * A question as who answers it has to see it: all of it, in lines that fit. What a terminal would act on and what an eye
 * would not see is shown as `⟨ESC⟩` or `⟨U+202E⟩`.
 */
export function renderReview(review: ReviewView, { now, widthMax }: ReviewTextOptions): readonly string[] {
  const { subject } = review
  const lines = [
    `review ${toPrintable(review.id)}`,
    field('state', describeState(review, now)),
    field('asked by', `${review.requester} from ${review.address}, at ${showTime(review.askedAt)}`),
    field('reason', review.reason ?? 'none was given'),
    ...review.demands.map(demand => field('may answer', describeDemand(demand))),
    ...renderSubject(subject),
    field('digest', review.digest),
    field('page', review.url),
    ...review.answers.map(answer => field('answer', `${answer.verdict}: ${describeAnswer(answer)}`)),
    ...(subject.kind === 'operation' ? renderStatement(subject) : []),
    ...renderHistory(review),
  ]
  return lines.flatMap(line => wrapCautiously(line, widthMax))
}

function field(label: string, value: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${toPrintable(value)}`
}

function describeDemand(demand: ReviewView['demands'][number]): string {
  const { rule, message, count, given } = demand
  const why = message === undefined ? '' : `: ${message}`
  return `${count} of [${approversOf(demand).join(', ')}], ${given} so far, by rule "${rule}"${why}`
}

function renderSubject(subject: ReviewSubjectView): readonly string[] {
  const where = `"${subject.connection}" as "${subject.role}"`
  switch (subject.kind) {
    case 'grant':
      return [
        field('asks for', `a grant on ${where} for ${showDuration(subject.durationSeconds)}`),
        ...(subject.afterwards
          ? [field('given', 'already, by breaking the glass: this is to be looked at')]
          : []),
      ]
    case 'operation':
      return [
        field('asks to run', `${countOf(subject.statementCount, 'statement')} on ${where}`),
        field('in', `database "${subject.database}", session ${subject.session}`),
        ...(subject.inTransaction
          ? [field('transaction', 'is open: its locks are held while this waits')]
          : []),
        field('commands', subject.verbs.join(', ') || 'none that is known'),
        field('tables', subject.tables.join(', ') || 'none'),
        ...(subject.rowEstimate === undefined
          ? []
          : [field('rows', `about ${subject.rowEstimate} in the tables it writes`)]),
      ]
    default:
      return unreachable(subject)
  }
}

function renderStatement({ statement, values, behind = [] }: Operation): readonly string[] {
  const lines = toPrintableLines(statement)
  const hidden = behind.flatMap(text => toPrintableLines(text))
  const shown = values.map(value => (value === null ? 'NULL' : `"${toPrintable(value)}"`))
  const marks = countMarks([...lines, ...hidden, ...shown])
  const foreign = foreignLetters([statement, ...behind, ...values.map(value => value ?? '')])
  return [
    '',
    `  statement, ${countOf(statement.length, 'character')} in ${countOf(lines.length, 'line')}`,
    ...(marks > 0 ? [`  ATTENTION: ${countOf(marks, 'character')} that cannot be seen, shown as ⟨…⟩`] : []),
    ...(foreign === '' ? [] : [`  ATTENTION: letters that may look like others: ${foreign}`]),
    ...lines.map(line => QUOTE + line),
    ...behind.flatMap(text => [
      '',
      '  runs what was prepared or declared before',
      ...toPrintableLines(text).map(line => QUOTE + line),
    ]),
    ...(values.length === 0 ? [] : ['', `  ${countOf(values.length, 'bind value')}`]),
    ...shown.map((value, at) => `${QUOTE}$${at + 1} = ${value}`),
  ]
}

/** Each mark begins with a bracket, and a bracket in the text is a mark itself. */
function countMarks(printable: readonly string[]): number {
  return printable.reduce((sum, line) => sum + line.split('⟨').length - 1, 0)
}

/** Letters of one text that come from other alphabets than the Latin one, with their numbers. */
const FOREIGN_SHOWN_MAX = 16

function foreignLetters(texts: readonly string[]): string {
  const found = new Set(texts.flatMap(text => text.match(/(?!\p{Script=Latin})\p{L}/gu) ?? []))
  const shown = [...found].slice(0, FOREIGN_SHOWN_MAX).map(letter => `${letter} ${codeOf(letter)}`)
  const left = found.size - shown.length
  return shown.join(', ') + (left > 0 ? `, and ${left} more` : '')
}

function codeOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}

function renderHistory({ history = [], requester }: ReviewView): readonly string[] {
  if (history.length === 0) return []
  return [
    '',
    `  asked by ${toPrintable(requester)} before`,
    ...history.map(
      ({ id, state, askedAt, summary }) =>
        `  ${showTime(askedAt)}  ${state.padEnd(9)}  ${id}  ${toPrintable(summary)}`,
    ),
  ]
}

function countOf(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

/** How long is left, or what became of it: one cell of the list. */
export function describeStateShortly(review: ReviewView, now: Date): string {
  return review.state === 'pending' ? `${countDown(review, now)} left` : review.state
}
