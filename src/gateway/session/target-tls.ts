import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import { connect, rootCertificates, type TLSSocket } from 'node:tls'
import type { Connection, TargetTls } from '../../domain/connection.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { TargetStartOptions } from '../../protocols/protocol.js'

/** PostgreSQL's name in RFC 7301. */
const ALPN = 'postgresql'

/** What TLS needs to know of the connection that it protects. */
export interface UpgradeOptions {
  readonly connection: Connection
  /** Ends the wait, with the error that `tooSlow` makes. */
  readonly signal: AbortSignal
  readonly tooSlow: () => HoopError
}

/** How the start of a target is to speak of TLS. */
export function tlsStart(tls: TargetTls): TargetStartOptions['tls'] {
  if (tls.mode === 'disable') return 'disable'
  return tls.negotiation ?? 'require'
}

/** The TLS handshake with a target, over a stream of which no byte was left unread. Fails with `target_unavailable`. */
export async function upgradeToTls(stream: Duplex, options: UpgradeOptions): Promise<TLSSocket> {
  const { connection, signal, tooSlow } = options
  const { tls, host } = connection
  const verify = tls.mode === 'verify-full'
  const ca = verify && tls.caFile !== undefined ? [await readFile(tls.caFile, 'utf8')] : [...rootCertificates]
  const servername = verify ? (tls.serverName ?? host) : host
  const socket = connect({
    socket: stream,
    rejectUnauthorized: verify,
    ca,
    host: servername,
    ...(isAddress(servername) ? {} : { servername }),
    ALPNProtocols: [ALPN],
  })
  const isDirect = tlsStart(tls) === 'direct'
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', () => {
      // Nothing of PostgreSQL was said before: without ALPN, what answers could be any server of this certificate.
      if (isDirect && socket.alpnProtocol !== ALPN)
        reject(noTls(connection, 'it does not say that it speaks PostgreSQL'))
      else resolve()
    })
    socket.once('error', cause => reject(noTls(connection, 'TLS failed', cause)))
    signal.addEventListener('abort', () => reject(tooSlow()), { once: true })
  })
  socket.removeAllListeners('error')
  return socket
}

function noTls(connection: Connection, reason: string, cause?: unknown): HoopError {
  const hint =
    tlsStart(connection.tls) === 'direct'
      ? 'check "tls" of the connection: "negotiation: direct" needs PostgreSQL 17 or newer at the target'
      : 'check "tls" of the connection: its ca_file and server_name must fit the certificate'
  const message = `Cannot open the target of "${connection.name}": ${reason}`
  return new HoopError('target_unavailable', message, { hint, cause })
}

/** The hash of the certificate that RFC 5929 calls `tls-server-end-point`; undefined where there is no certificate. */
export function serverEndPointOf(socket: TLSSocket): Buffer | undefined {
  const certificate = socket.getPeerCertificate(false).raw
  if (certificate === undefined) return undefined
  return createHash(endPointHash(certificate)).update(certificate).digest()
}

/** Object identifiers of signature algorithms whose hash is not SHA-256, in DER: RSA and ECDSA. */
const SHA_384 = [Buffer.from('2a864886f70d01010c', 'hex'), Buffer.from('2a8648ce3d040303', 'hex')]
const SHA_512 = [Buffer.from('2a864886f70d01010d', 'hex'), Buffer.from('2a8648ce3d040304', 'hex')]

/** RFC 5929, section 4.1: the hash of the certificate's signature, but SHA-256 where that one is MD5 or SHA-1. */
function endPointHash(certificate: Buffer): string {
  if (SHA_512.some(identifier => certificate.includes(identifier))) return 'sha512'
  return SHA_384.some(identifier => certificate.includes(identifier)) ? 'sha384' : 'sha256'
}

function isAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(':')
}
