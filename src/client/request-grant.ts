import type { GrantRequest, GrantView, ReviewView } from '../domain/api.js'
import { readDuration } from './durations.js'
import type { Gateway } from './gateway.js'
import { lineOnStderr } from './live-line.js'
import { type ObtainOptions, obtainGrant } from './obtain-grant.js'
import { openUndisturbed } from './open-undisturbed.js'
import { whoMayAnswer } from './review-words.js'
import { SteadyGateway } from './steady-gateway.js'

/** What `--wait` without a time is spelled as: the parser of command lines knows no optional values. */
const UNTIL_ANSWERED = 'until-answered'

export interface RequestAheadOptions {
  readonly gateway: Gateway
  readonly request: GrantRequest
  readonly wait: ObtainOptions['wait']
  readonly tell: (message: string) => void
}

/** A grant, a question that waits for people, or the signal that ended the wait. */
export type RequestedAhead =
  | { readonly kind: 'granted'; readonly grant: GrantView }
  | { readonly kind: 'asked'; readonly review: ReviewView }
  | { readonly kind: 'stopped'; readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP' }

/** Asks for a grant that is used later. Fails as `obtainGrant` does. */
export async function requestGrantAhead(options: RequestAheadOptions): Promise<RequestedAhead> {
  const { gateway, request, wait, tell } = options
  if (wait === 'no') {
    const answer = await gateway.api.requestGrant(request)
    if (answer.kind === 'asked') {
      const { review } = answer
      tell(`review ${review.id} waits for ${whoMayAnswer(review)} until ${review.until}: ${review.url}`)
    }
    return answer
  }
  const steady = new SteadyGateway(gateway)
  const now = (): Date => new Date()
  const opened = await openUndisturbed(async signal => {
    const obtain = { gateway: steady, request, wait, signal, tell, liveLine: lineOnStderr, now }
    const grant = await obtainGrant(obtain)
    const giveBack = () => steady.once(({ grants }) => grants.revokeGrant(grant.id)).catch(() => {})
    return { grant, close: giveBack }
  })
  return opened.kind === 'opened' ? { kind: 'granted', grant: opened.value.grant } : opened
}

/** Puts in words what `--wait` alone means, wherever it stands on the command line. */
export function spellWait(argv: readonly string[]): readonly string[] {
  return argv.map(argument => (argument === '--wait' ? `--wait=${UNTIL_ANSWERED}` : argument))
}

/** Reads `--wait` as it was spelled. Fails with `usage`. */
export function readWait(text: string | undefined): ObtainOptions['wait'] {
  if (text === undefined) return 'no'
  return text === UNTIL_ANSWERED ? UNTIL_ANSWERED : readDuration(text) * 1000
}
