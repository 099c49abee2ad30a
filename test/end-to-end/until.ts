const POLL_MS = 25

/** Waits until `look` gives something that is neither undefined nor false, and gives it. Fails with `what` after `ms`. */
export async function until<Value>(
  what: string,
  look: () => Value | undefined | false | Promise<Value | undefined | false>,
  ms = 15_000,
): Promise<Value> {
  const deadline = Date.now() + ms
  for (;;) {
    const value = await look()
    if (value !== undefined && value !== false) return value
    if (Date.now() > deadline) throw new Error(`this did not happen within ${ms} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}
