import type { IncomingHttpHeaders } from 'node:http'
import type { Readable, Writable } from 'node:stream'
import { BodyTooLarge, readBody } from './body.js'
import { BODIES_BYTES_MAX, BODY_TIMEOUT_MS, REQUEST_BODY_BYTES_MAX } from './limits.js'
import type { Log } from './log.js'

/** One HTTP request and the way to answer it, whatever the version. */
export interface HttpExchange {
  readonly method: string
  readonly path: string
  readonly host: string
  readonly headers: IncomingHttpHeaders
  /** The peer's address. */
  readonly address: string
  readonly body: Readable
  /** Calls back once when the client has gone or has been answered: an answer that is still being made is for nobody. */
  onGone(listener: () => void): void
  /** Sends the head and gives the way to send the body. */
  respond(status: number, headers: Readonly<Record<string, string | readonly string[]>>): Writable
  /** Ends the exchange at once. */
  cut(): void
}

/** Answers a request; `request.signal` aborts when the client has gone. */
export type RequestListener = (request: Request, info: { readonly address: string }) => Promise<Response>

const METHODS_WITHOUT_BODY = ['GET', 'HEAD']
const STATUSES_WITHOUT_BODY = [204, 205, 304]
/** Headers of one hop (RFC 9110, section 7.6.1); HTTP/2 refuses them. */
const HOP_HEADERS = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'host']

/** Gives requests to a listener that speaks the web's `Request` and `Response`, within the limits on bodies. */
export class HttpExchanges {
  readonly #listener: RequestListener
  readonly #log: Log
  #bodiesBytes = 0

  constructor(listener: RequestListener, log: Log) {
    this.#listener = listener
    this.#log = log
  }

  /** Never rejects: whatever goes wrong ends this exchange and nothing else. */
  async answer(exchange: HttpExchange): Promise<void> {
    const gone = new AbortController()
    exchange.body.on('error', () => gone.abort())
    exchange.onGone(() => gone.abort())
    try {
      const request = await this.#read(exchange, gone)
      if (typeof request === 'number') return plain(exchange, request)
      await send(exchange, await this.#listener(request, { address: exchange.address }), gone)
    } catch (error) {
      if (gone.signal.aborted) return exchange.cut()
      this.#log.error({ err: error, path: pathOnly(exchange.path) }, 'a request failed')
      try {
        plain(exchange, 500)
      } catch {
        // The head was sent already.
        exchange.cut()
      }
    }
  }

  /** The request, or the status that refuses it. */
  async #read(exchange: HttpExchange, gone: AbortController): Promise<Request | number> {
    const url = readUrl(exchange)
    const headers = readHeaders(exchange.headers)
    if (url === undefined || headers === undefined) return 400
    const { method } = exchange
    const init = { method, headers, signal: gone.signal }
    if (METHODS_WITHOUT_BODY.includes(method)) return new Request(url, init)
    if (Number(exchange.headers['content-length'] ?? 0) > REQUEST_BODY_BYTES_MAX) return 413
    if (this.#bodiesBytes >= BODIES_BYTES_MAX) return 503
    const body = await this.#readBody(exchange)
    try {
      return typeof body === 'number' ? body : new Request(url, { ...init, body })
    } catch {
      // A method that the web's Request does not know.
      return 405
    }
  }

  async #readBody(exchange: HttpExchange): Promise<Buffer | number> {
    // Counted as if full: what a body will be is not known before it is there.
    this.#bodiesBytes += REQUEST_BODY_BYTES_MAX
    const timer = setTimeout(() => exchange.cut(), BODY_TIMEOUT_MS)
    try {
      return await readBody(exchange.body, REQUEST_BODY_BYTES_MAX)
    } catch (error) {
      if (error instanceof BodyTooLarge) return 413
      throw error
    } finally {
      clearTimeout(timer)
      this.#bodiesBytes -= REQUEST_BODY_BYTES_MAX
    }
  }
}

async function send(exchange: HttpExchange, response: Response, gone: AbortController): Promise<void> {
  const out = exchange.respond(response.status, writeHeaders(response.headers))
  const closed = new Promise<'closed'>(resolve => {
    out.once('close', () => resolve('closed'))
    out.once('error', () => resolve('closed'))
  })
  void closed.then(() => gone.abort())
  if (
    response.body === null ||
    exchange.method === 'HEAD' ||
    STATUSES_WITHOUT_BODY.includes(response.status)
  ) {
    await response.body?.cancel()
    out.end()
    return
  }
  const reader = response.body.getReader()
  for (;;) {
    const step = await Promise.race([reader.read(), closed])
    if (step === 'closed') return void (await reader.cancel('the client has gone').catch(() => undefined))
    if (step.done) return void out.end()
    if (!out.write(step.value)) await Promise.race([drained(out), closed])
  }
}

function drained(out: Writable): Promise<void> {
  return new Promise(resolve => {
    out.once('drain', resolve)
  })
}

function plain(exchange: HttpExchange, status: number): void {
  const out = exchange.respond(status, { 'content-type': 'text/plain' })
  out.on('error', () => undefined)
  out.end(`${status}\n`)
  // What is left of a body that is not wanted is not waited for.
  if (status === 413) out.once('finish', () => exchange.cut())
}

function readUrl(exchange: HttpExchange): string | undefined {
  if (!exchange.path.startsWith('/')) return undefined
  const url = URL.canParse(`https://${exchange.host}${exchange.path}`)
    ? new URL(`https://${exchange.host}${exchange.path}`)
    : undefined
  // A host with an @ or a slash would change what the rest of the address means.
  return url?.username === '' &&
    url.password === '' &&
    url.host === exchange.host.toLowerCase().replace(/:443$/, '')
    ? url.href
    : undefined
}

function readHeaders(incoming: IncomingHttpHeaders): Headers | undefined {
  const headers = new Headers()
  try {
    for (const [name, value] of Object.entries(incoming)) {
      if (name.startsWith(':') || HOP_HEADERS.includes(name) || value === undefined) continue
      for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one)
    }
    return headers
  } catch {
    return undefined
  }
}

function writeHeaders(headers: Headers): Record<string, string | string[]> {
  const written: Record<string, string | string[]> = {}
  for (const [name, value] of headers) {
    if (!HOP_HEADERS.includes(name) && name !== 'set-cookie') written[name] = value
  }
  const cookies = headers.getSetCookie()
  return cookies.length === 0 ? written : { ...written, 'set-cookie': cookies }
}

function pathOnly(path: string): string {
  return path.split('?', 1)[0] ?? ''
}
