/** How often is looked whether a token ends soon: it is renewed 30 s before, so twice is looked in that time. */
const CHECK_MS = 10_000
/** The pause after a provider or a gateway did not answer, or a login that has ended. */
const FAILED_MS = 60_000

/**
 * Renews the login's token as often as it ends while a session is open. The gateway learns by it what the provider says of
 * the person now: who was removed from a group loses what that gave. A provider that does not answer removes nothing.
 *
 * @param renew reads an access token, renewed where that is due; what it fails with is not told to anybody here
 * @returns stops it
 */
export function keepLoginFresh(renew: () => Promise<unknown>): () => void {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  const next = (pauseMs: number): void => {
    if (stopped) return
    timer = setTimeout(() => {
      renew().then(
        () => next(CHECK_MS),
        () => next(FAILED_MS),
      )
    }, pauseMs)
    timer.unref()
  }
  next(CHECK_MS)
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
