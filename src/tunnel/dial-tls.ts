import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, rootCertificates, type SecureVersion, type TLSSocket } from 'node:tls'
import { HoopError } from '../lib/hoop-error.js'
import { HANDSHAKE_TIMEOUT_MS } from './limits.js'
import { bareHost, type Environment, proxyFor } from './proxy-environment.js'

/** Where a gateway is and how it is reached. The signal ends the dialling, not what came of it. */
export interface DialOptions {
  /** `https://gateway.example.com:8443` */
  readonly url: string
  /** A PEM text, or the file it is in; trusted beside the system's authorities. */
  readonly ca?: string | undefined
  readonly caFile?: string | undefined
  /** `HTTPS_PROXY`, `NO_PROXY` and `NODE_EXTRA_CA_CERTS` are read from it. */
  readonly env: Environment
  readonly signal?: AbortSignal | undefined
  readonly connectTimeoutMs?: number | undefined
}

/**
 * Opens a TLS connection to a gateway, directly or through an HTTP proxy (CONNECT, RFC 9110 section 9.3.6). Fails with
 * `gateway_unavailable`, or `configuration` when the address or the file with the authority is of no use.
 */
export async function dialTls(
  options: DialOptions & { readonly protocols: readonly string[]; readonly minVersion?: SecureVersion },
): Promise<TLSSocket> {
  const url = readGatewayUrl(options.url)
  const ca = readAuthorities(options)
  const proxy = proxyFor(url, options.env)
  const timeoutMs = options.connectTimeoutMs ?? HANDSHAKE_TIMEOUT_MS
  // A controller of its own: what an `AbortSignal.timeout` was given to would be cut when it fires, long after this.
  const dialing = new AbortController()
  const given = () => dialing.abort()
  if (options.signal?.aborted === true) given()
  options.signal?.addEventListener('abort', given, { once: true })
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    dialing.abort()
  }, timeoutMs)
  try {
    const { signal } = dialing
    const raw = proxy === undefined ? await dialTcp(url, signal) : await dialThrough(proxy, url, signal)
    const { protocols, minVersion = 'TLSv1.2' } = options
    return await secure(raw, { host: bareHost(url), ca, protocols, minVersion, signal })
  } catch (error) {
    throw explain(error, { url, proxy, timedOut, timeoutMs })
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', given)
  }
}

/** Reads the address of a gateway. Fails with `configuration`. */
export function readGatewayUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw new HoopError(
      'configuration',
      `Cannot use the gateway's address: "${text}" is not an https address`,
    )
  }
  return url
}

function readAuthorities(options: DialOptions): string[] | undefined {
  const file = options.caFile
  if (options.ca === undefined && file === undefined) return undefined
  // Node adds this file by itself only where no other authority is given.
  const extra = options.env.NODE_EXTRA_CA_CERTS
  const files = [file, extra].filter(one => one !== undefined && one !== '')
  const texts = files.map(one => {
    try {
      return readFileSync(one ?? '', 'utf8')
    } catch (cause) {
      throw new HoopError(
        'configuration',
        `Cannot read the authority's certificate: "${one}" cannot be read`,
        { cause },
      )
    }
  })
  return [...rootCertificates, ...(options.ca === undefined ? [] : [options.ca]), ...texts]
}

function dialTcp(url: URL, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const port = Number(url.port || 443)
    const socket = connectTcp({ host: bareHost(url), port, noDelay: true, keepAlive: true, signal })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

function dialThrough(proxy: URL, url: URL, signal: AbortSignal): Promise<Socket> {
  const request = proxy.protocol === 'https:' ? httpsRequest : httpRequest
  const target = `${url.hostname}:${url.port || 443}`
  const credential = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  const authorization = `Basic ${Buffer.from(credential).toString('base64')}`
  return new Promise((resolve, reject) => {
    const connect = request({
      host: bareHost(proxy),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...(credential === ':' ? {} : { 'proxy-authorization': authorization }) },
      agent: false,
      signal,
    })
    connect.once('connect', (response, socket, head) => {
      if (response.statusCode === 200 && head.length === 0) return resolve(socket)
      socket.destroy()
      reject(new Error(`the proxy answered with HTTP status ${response.statusCode}`))
    })
    connect.once('response', response => {
      response.destroy()
      reject(new Error(`the proxy answered with HTTP status ${response.statusCode}`))
    })
    connect.once('error', reject)
    connect.end()
  })
}

interface SecureOptions {
  readonly host: string
  readonly ca: string[] | undefined
  readonly protocols: readonly string[]
  readonly minVersion: SecureVersion
  readonly signal: AbortSignal
}

function secure(raw: Socket, options: SecureOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const { host, ca, protocols, minVersion, signal } = options
    const socket = connectTls({
      socket: raw,
      host,
      // RFC 6066, section 3: an address is no server name. It is still checked against the certificate.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
      ALPNProtocols: [...protocols],
      minVersion,
    })
    const aborted = () => socket.destroy(new Error('it took too long'))
    if (signal.aborted) aborted()
    signal.addEventListener('abort', aborted, { once: true })
    const failed = (error: Error) => {
      signal.removeEventListener('abort', aborted)
      socket.destroy()
      raw.destroy()
      reject(error)
    }
    const closed = () => failed(new Error('the connection was closed during the TLS handshake'))
    // For good: both may fail, in either order, and a failure after the handshake destroys the socket as well.
    raw.on('error', failed)
    socket.on('error', failed)
    socket.once('close', closed)
    socket.once('secureConnect', () => {
      signal.removeEventListener('abort', aborted)
      socket.off('close', closed)
      resolve(socket)
    })
  })
}

interface DialFailure {
  readonly url: URL
  readonly proxy: URL | undefined
  readonly timedOut: boolean
  readonly timeoutMs: number
}

function explain(error: unknown, { url, proxy, timedOut, timeoutMs }: DialFailure): HoopError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const through = proxy === undefined ? '' : ` through the proxy ${proxy.host}`
  const message = `Cannot reach the gateway at ${url.origin}${through}`
  if (/CERT|VERIFY|ISSUER|SELF_SIGNED/.test(code)) {
    const hint = code.includes('ALTNAME')
      ? 'use a name that the certificate is for'
      : 'name the authority of its certificate with --ca-file'
    return new HoopError('gateway_unavailable', `${message}: its certificate is not trusted (${code})`, {
      hint,
      cause: error,
    })
  }
  const why = timedOut ? `no answer within ${timeoutMs / 1000} s` : reason(error, code)
  return new HoopError('gateway_unavailable', `${message}: ${why}`, {
    hint: 'check its address and the network, then try again',
    cause: error,
  })
}

function reason(error: unknown, code: string): string {
  if (code === 'ECONNREFUSED') return 'the connection was refused'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name is not known'
  return error instanceof Error && error.message !== '' ? error.message : code || 'it failed'
}
