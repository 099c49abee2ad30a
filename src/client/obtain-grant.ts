import type { GrantRequest, GrantView, ReviewView } from '../domain/api.js'
import { HoopError } from '../lib/hoop-error.js'
import { unreachable } from '../lib/unreachable.js'
import { showDuration } from './durations.js'
import { followReviews } from './follow-reviews.js'
import type { LiveLine, LiveLineOptions } from './live-line.js'
import { countDown, describeAnswers, whoMayAnswer } from './review-words.js'
import type { LinkState, SteadyGateway } from './steady-gateway.js'

/** How long taking a question back may last: a gateway that hangs must not keep a person's prompt. */
const FAREWELL_MS = 2_000

export interface ObtainOptions {
  readonly gateway: Pick<SteadyGateway, 'once' | 'untilAnswered'>
  readonly request: GrantRequest
  /** `no`: whoever asks does not wait for people. A number: at most so many milliseconds. */
  readonly wait: 'no' | 'until-answered' | number
  /** Aborts when the person does not want it any more, with Ctrl-C: the question is taken back. */
  readonly signal: AbortSignal
  readonly tell: (message: string) => void
  readonly liveLine: (text: LiveLineOptions['text']) => Pick<LiveLine, 'refresh' | 'end'>
  readonly now: () => Date
}

/**
 * Asks for a grant; where people have to agree first, waits for them and claims it. Fails with `approval_pending` where
 * nobody answered in time or nobody waits, with `policy_denied` where somebody said no, and with the signal's reason when
 * it aborts: the question is withdrawn then.
 */
export async function obtainGrant(options: ObtainOptions): Promise<GrantView> {
  const { gateway, request, wait, signal } = options
  const answer = await gateway.once(({ grants }) => grants.requestGrant(request))
  if (answer.kind === 'granted') return answer.grant
  const { review } = answer
  if (signal.aborted) return withdraw(options, review)
  if (wait === 'no') throw notYet(review, 'nobody has answered yet')
  options.tell(`review ${review.id} was asked: ${review.url}`)
  const settled = await waitForPeople(options, review)
  if (settled.state !== 'approved') throw refusal(settled)
  options.tell(`approved by ${describeAnswers(settled)}`)
  return claim(options, settled)
}

/** One use of the approval, by its name: everything else is as it was asked. */
async function claim({ gateway, request }: ObtainOptions, review: ReviewView): Promise<GrantView> {
  const { connection } = request
  const claimed = await gateway.once(({ grants }) => grants.requestGrant({ connection, review: review.id }))
  if (claimed.kind === 'granted') return claimed.grant
  throw notYet(claimed.review, 'the approval could not be used')
}

async function waitForPeople(options: ObtainOptions, asked: ReviewView): Promise<ReviewView> {
  const { gateway, wait, signal, now } = options
  const patience = typeof wait === 'number' ? AbortSignal.timeout(wait) : undefined
  const stop = patience === undefined ? signal : AbortSignal.any([signal, patience])
  let review = asked
  let listed = false
  let link: LinkState = 'live'
  const line = options.liveLine(() => waitingLine({ review, link, now: now() }))
  const onLink = (state: LinkState): void => {
    if (state === link) return
    link = state
    line.refresh()
  }
  try {
    for await (const changed of followReviews({ gateway, query: { mine: true }, signal: stop, onLink })) {
      const seen = changed.find(({ id }) => id === asked.id)
      // The list may be cut, and an end by time is a change that nobody makes: asked for by name then.
      const isLate = now().getTime() > new Date(review.until).getTime()
      if (seen !== undefined) review = seen
      else if (!listed || isLate) review = await findAgain(options, asked, stop)
      listed = true
      if (review.state !== 'pending') return review
      line.refresh()
    }
    return review
  } catch (error) {
    if (!stop.aborted) throw error
    line.end()
    if (signal.aborted) return await withdraw(options, review)
    throw notYet(review, 'nobody has answered yet')
  } finally {
    line.end()
  }
}

function findAgain({ gateway }: ObtainOptions, { id }: ReviewView, signal: AbortSignal): Promise<ReviewView> {
  return gateway.untilAnswered(({ reviews }) => reviews.find(id), { signal })
}

function waitingLine({ review, link, now }: { review: ReviewView; link: LinkState; now: Date }): string {
  const away = link === 'away' ? 'the gateway is away; ' : ''
  return `${away}waiting for ${whoMayAnswer(review)}, ${countDown(review, now)} left; Ctrl-C withdraws ${review.id}`
}

async function withdraw({ gateway, signal, tell }: ObtainOptions, { id }: ReviewView): Promise<never> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('no answer in time')), FAREWELL_MS).unref()
  })
  const withdrawn = gateway.once(({ reviews }) => reviews.withdraw(id))
  await Promise.race([withdrawn, late]).then(
    () => tell(`review ${id} is withdrawn`),
    () => tell(`review ${id} could not be withdrawn: hoop reviews withdraw ${id}`),
  )
  throw signal.reason
}

/** The failure that says how to go on: the question lives. */
function notYet(review: ReviewView, why: string): HoopError {
  const { connection } = review.subject
  const until = `it waits for ${whoMayAnswer(review)} until ${review.until}`
  return new HoopError(
    'approval_pending',
    `Cannot open "${connection}" yet: ${why}; review ${review.id}, ${review.url}, ${until}`,
    { hint: `hoop connect ${connection} --review ${review.id}` },
  )
}

function refusal(review: ReviewView): HoopError {
  const { subject, state, id, why } = review
  const what = `Cannot open "${subject.connection}"`
  switch (state) {
    case 'denied':
      return new HoopError('policy_denied', `${what}: denied by ${describeAnswers(review)}, review ${id}`)
    case 'expired':
      return new HoopError('approval_pending', `${what}: ${whyExpired(review)}`)
    case 'withdrawn':
    case 'voided':
      return new HoopError(
        'approval_pending',
        `${what}: review ${id} was ${state}${why === undefined ? '' : `, ${why}`}`,
      )
    case 'used':
      return new HoopError('conflict', `${what}: review ${id} was used already`, { hint: 'hoop grants list' })
    case 'pending':
    case 'approved':
      return notYet(review, 'it is not decided')
    default:
      return unreachable(state)
  }
}

function whyExpired({ id, until, askedAt, answers }: ReviewView): string {
  if (answers.length > 0) return `review ${id} was not answered by enough people, or not used, in time`
  const waited = (new Date(until).getTime() - new Date(askedAt).getTime()) / 1000
  return `nobody answered review ${id} within ${showDuration(waited)}`
}
