const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What was opened, or the signal that came meanwhile. */
export type Opened<Value> =
  | { readonly kind: 'opened'; readonly value: Value }
  | { readonly kind: 'stopped'; readonly signal: (typeof SIGNALS)[number] }

/**
 * Opens something that must be closed again. A signal while it is being opened would end the process between a grant
 * and its session, and leave the grant: it is kept until there is something to close. What waits for long listens to
 * `stopped`, undoes what it did and rejects with its reason. A second signal ends the process.
 */
export async function openUndisturbed<Value extends { close(): Promise<void> }>(
  open: (stopped: AbortSignal) => Promise<Value>,
): Promise<Opened<Value>> {
  let came: (typeof SIGNALS)[number] | undefined
  const stopped = new AbortController()
  const listeners = SIGNALS.map(signal => ({
    signal,
    listener: (): void => {
      came ??= signal
      forget()
      stopped.abort(new Error(`stopped by ${signal}`))
    },
  }))
  const forget = (): void => {
    for (const { signal, listener } of listeners) process.off(signal, listener)
  }
  for (const { signal, listener } of listeners) process.on(signal, listener)
  try {
    const value = await open(stopped.signal)
    if (came === undefined) return { kind: 'opened', value }
    await value.close()
    return { kind: 'stopped', signal: came }
  } catch (error) {
    if (came !== undefined && error === stopped.signal.reason) return { kind: 'stopped', signal: came }
    throw error
  } finally {
    forget()
  }
}
