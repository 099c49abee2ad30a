import type { GrantId } from '../domain/ids.js'
import type { Principal } from '../domain/principal.js'
import { describeError } from '../lib/hoop-error.js'
import type { Store } from '../store/store.js'
import type { Log } from '../tunnel/log.js'

/** INVARIANT 5: what is revoked ends within a second, also at another gateway. */
const INTERVAL_MS = 400
/** How far back is looked each time: the clocks of two gateways may differ by this much. */
const CLOCK_SKEW_MS = 5 * 60_000

/** What following needs of the rest of the gateway. */
export interface FollowOptions {
  readonly store: Store
  readonly now: () => Date
  /** Ends the live sessions of a grant; does nothing where there are none. */
  readonly endGrant: (grant: GrantId) => void
  /** Takes what a token of another gateway says of somebody. */
  readonly noteClaims: (principal: Principal, at: Date) => void
  readonly log: Log
}

/**
 * Ends the sessions here whose grant was revoked at another gateway on the same PostgreSQL store, and learns what tokens of
 * other gateways say of people: who was removed from a group there loses what it gave here too. The embedded store has
 * one gateway, which knows by itself. One question at a time; while the store does not answer nothing new is opened, and
 * what is live goes on to the end of its grant.
 *
 * @returns stops it
 */
export function followRevocations({ store, now, endGrant, noteClaims, log }: FollowOptions): () => void {
  if (store.kind === 'sqlite') return () => {}
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  const look = async (): Promise<void> => {
    try {
      const since = new Date(now().getTime() - CLOCK_SKEW_MS)
      for (const grant of await store.grants.listRevoked(since)) endGrant(grant.id)
      for (const seen of await store.principals.listSeen(since)) noteClaims(seen.principal, seen.lastSeenAt)
    } catch (error) {
      if (!stopped) log.warn({ cause: describeError(error) }, 'revocations of other gateways cannot be read')
    }
    if (!stopped) next()
  }
  const next = (): void => {
    timer = setTimeout(() => void look(), INTERVAL_MS)
    timer.unref()
  }
  next()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
