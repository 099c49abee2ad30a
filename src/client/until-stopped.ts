/** Waits for `end`, or for Ctrl-C and its siblings; gives undefined for those. A second signal ends the process at once. */
export function untilStopped<End>(end: Promise<End>): Promise<End | undefined> {
  return new Promise((resolve, reject) => {
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
    const settle = (value: End | undefined): void => {
      for (const signal of signals) process.off(signal, onSignal)
      resolve(value)
    }
    const onSignal = (): void => settle(undefined)
    for (const signal of signals) process.on(signal, onSignal)
    end.then(settle, reject)
  })
}
