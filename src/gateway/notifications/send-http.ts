import { HoopError } from '../../lib/hoop-error.js'

/** How long a receiver may take. */
const ANSWER_MS = 10_000

export interface Posting {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Posts JSON to a receiver that the configuration names. Anything but 2xx fails, a redirect too: the signature and the
 * content are for this receiver. The message of a failure never has the address, which can be a secret itself.
 */
export async function postJson({ url, headers, body }: Posting): Promise<void> {
  const target = readUrl(url)
  let response: Response
  try {
    response = await fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'hoop', ...headers },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    })
  } catch (cause) {
    const why =
      cause instanceof Error && cause.name === 'TimeoutError' ? 'took too long' : 'cannot be reached'
    throw new HoopError('gateway_unavailable', `Cannot tell the channel: its receiver ${why}`)
  }
  // Nothing in the answer matters, and it may be endless.
  await response.body?.cancel().catch(() => undefined)
  if (!response.ok)
    throw new HoopError(
      'gateway_refused',
      `Cannot tell the channel: its receiver answered ${response.status}`,
    )
}

/** HTTPS, or HTTP on this machine: statements do not travel in the clear. */
function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isLocal = url?.protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)
  if (url === undefined || !(url.protocol === 'https:' || isLocal))
    throw new HoopError('configuration', 'Cannot tell the channel: its address is not https')
  return url
}
