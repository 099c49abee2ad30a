import { readFileSync } from 'node:fs'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { rootCertificates } from 'node:tls'
import { HoopError } from '../lib/hoop-error.js'

/** One answer of a provider may take this long, all of it. */
const ANSWER_TIMEOUT_MS = 10_000
/** Documents, key sets and token answers are a few kilobytes. */
const ANSWER_BYTES_MAX = 1024 * 1024

/** The part of `fetch` that openid-client and jose use. */
export type ProviderFetch = (url: string, options: ProviderRequest) => Promise<Response>

/** What is asked of a provider. */
export interface ProviderRequest {
  readonly method: string
  readonly headers: Headers | Readonly<Record<string, string>>
  readonly body?: unknown
  readonly signal?: AbortSignal
}

const TRY_LATER = 'check the network, then try again; sessions that are open go on'

/**
 * A `fetch` for talking to the identity provider and nobody else: HTTPS (plain HTTP only on the loopback interface, for
 * tests and demos), an authority of the company's own beside the system's, no redirects, bounded in time and size, and
 * without connections that stay open behind it. A provider that cannot answer is `provider_unavailable`.
 */
export function makeProviderFetch(options: {
  readonly caFile: string | undefined
  /** Ends every request that is under way. */
  readonly signal?: AbortSignal
}): ProviderFetch {
  const ca =
    options.caFile === undefined ? undefined : [...rootCertificates, readCertificates(options.caFile)]
  return async (address, request) => {
    const url = new URL(address)
    requireSecure(url)
    const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
    const given = [request.signal, options.signal].filter(signal => signal !== undefined)
    const signal = AbortSignal.any([...given, timeout])
    try {
      const answer = await send(url, { ...request, signal }, ca)
      const body = await readBody(answer)
      return toResponse(url, answer, body)
    } catch (cause) {
      const aborted = given.find(one => one.aborted)
      if (aborted !== undefined) throw aborted.reason
      if (cause instanceof HoopError) throw cause
      const why = timeout.aborted
        ? `no answer within ${ANSWER_TIMEOUT_MS / 1000} s`
        : describeNetworkError(cause)
      throw new HoopError(
        'provider_unavailable',
        `Cannot reach the identity provider at "${url.host}": ${why}`,
        { hint: TRY_LATER, cause },
      )
    }
  }
}

/** True for hosts that never leave this machine. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
}

/** Refuses an address over which tokens could be read on the way. */
export function requireSecure(url: URL): void {
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))) return
  throw new HoopError(
    'configuration',
    `Cannot use the identity provider at "${url.host}": it is not an https address`,
  )
}

function send(url: URL, request: ProviderRequest, ca: string[] | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const open = url.protocol === 'https:' ? requestHttps : requestHttp
    const outgoing = open(url, {
      method: request.method,
      headers: { ...Object.fromEntries(new Headers(request.headers)), 'accept-encoding': 'identity' },
      // A connection of its own: a CLI must end when its work is done.
      agent: false,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      ...(ca === undefined ? {} : { ca }),
    })
    outgoing.once('response', resolve)
    outgoing.once('error', reject)
    outgoing.end(bodyBytes(request.body))
  })
}

function bodyBytes(body: unknown): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0)
  if (typeof body === 'string' || body instanceof URLSearchParams) return Buffer.from(body.toString())
  if (body instanceof Uint8Array) return Buffer.from(body)
  throw new Error('a request body of a kind that no OAuth request has')
}

async function readBody(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer) {
    const bytes: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
    size += bytes.length
    if (size > ANSWER_BYTES_MAX) throw new Error(`an answer of more than ${ANSWER_BYTES_MAX} bytes`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

function toResponse(url: URL, answer: IncomingMessage, body: Buffer): Response {
  const status = answer.statusCode ?? 0
  if (status < 200 || status >= 500) {
    throw new HoopError(
      'provider_unavailable',
      `Cannot use the identity provider at "${url.host}": it answered ${status}`,
      { hint: TRY_LATER },
    )
  }
  const headers = new Headers()
  for (const [name, values] of Object.entries(answer.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value)
  }
  const bodyless = status === 204 || status === 304
  return new Response(bodyless ? null : new Uint8Array(body), { status, headers })
}

function describeNetworkError(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection failed'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  if (code === 'ECONNREFUSED') return 'the connection was refused'
  if (code === 'ECONNRESET') return 'the connection was cut'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name is not known'
  return code ?? (error.message === '' ? 'the connection failed' : error.message)
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new HoopError(
      'configuration',
      `Cannot read the authority of the identity provider from "${file}"`,
      { cause },
    )
  }
}
