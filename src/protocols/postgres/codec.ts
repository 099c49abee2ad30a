import { ByteReader } from '../../lib/byte-reader.js'
import type { CancelKey } from '../protocol.js'

/** A tag and a length: what every message but a start-up packet begins with. */
export const MESSAGE_HEADER_BYTES = 5

/** The version in a StartupMessage: major in the upper half. */
export const PROTOCOL_3_0 = 3 * 65536
/** The newest minor version: 3.2, of PostgreSQL 18. 3.1 was never used, and differs from 3.0 in nothing. */
export const MINOR_LATEST = 2
/** From here on the secret of a cancel key may be longer than four bytes. */
export const MINOR_WITH_LONG_SECRETS = 2

/** Request codes in the place of a version in a start-up packet. PostgreSQL protocol, "Message Formats". */
export const CANCEL_REQUEST_CODE = 80877102
export const SSL_REQUEST_CODE = 80877103
export const GSS_ENCRYPTION_REQUEST_CODE = 80877104

/** Kinds of an Authentication message, the number after its length. */
export const AUTHENTICATION = {
  ok: 0,
  cleartextPassword: 3,
  md5Password: 5,
  sasl: 10,
  saslContinue: 11,
  saslFinal: 12,
} as const

const EMPTY = Buffer.alloc(0)
const NUL = Buffer.alloc(1)

/** One message of the protocol: tag, length (which counts itself), body. */
export function writeMessage(tag: string, body: Buffer = EMPTY): Buffer {
  const bytes = Buffer.allocUnsafe(MESSAGE_HEADER_BYTES + body.length)
  bytes.writeUInt8(tag.charCodeAt(0), 0)
  bytes.writeUInt32BE(4 + body.length, 1)
  body.copy(bytes, MESSAGE_HEADER_BYTES)
  return bytes
}

/**
 * A NUL-terminated string in UTF-8. No text of PostgreSQL holds a NUL; one that is there is left out, so that a value
 * cannot end its field and begin another.
 */
export function cstring(text: string): Buffer {
  return Buffer.from(`${text.includes('\0') ? text.replaceAll('\0', '') : text}\0`, 'utf8')
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value)
  return bytes
}

// What a server says.

/** AuthenticationOk: the start-up conversation is over. */
export function authenticationOk(): Buffer {
  return authentication(AUTHENTICATION.ok)
}

/** AuthenticationCleartextPassword. */
export function authenticationCleartextPassword(): Buffer {
  return authentication(AUTHENTICATION.cleartextPassword)
}

/** AuthenticationMD5Password with its salt of four bytes. */
export function authenticationMd5Password(salt: Buffer): Buffer {
  return authentication(AUTHENTICATION.md5Password, salt)
}

/** AuthenticationSASL: the mechanisms on offer, in the server's order of preference. */
export function authenticationSasl(mechanisms: readonly string[]): Buffer {
  return authentication(AUTHENTICATION.sasl, Buffer.concat([...mechanisms.map(cstring), NUL]))
}

/** AuthenticationSASLContinue: SCRAM's server-first-message. */
export function authenticationSaslContinue(data: string): Buffer {
  return authentication(AUTHENTICATION.saslContinue, Buffer.from(data, 'utf8'))
}

/** AuthenticationSASLFinal: SCRAM's server-final-message. */
export function authenticationSaslFinal(data: string): Buffer {
  return authentication(AUTHENTICATION.saslFinal, Buffer.from(data, 'utf8'))
}

function authentication(kind: number, data: Buffer = EMPTY): Buffer {
  return writeMessage('R', Buffer.concat([int32(kind), data]))
}

/** ParameterStatus: the value of a setting that clients want to know. */
export function parameterStatus(name: string, value: string): Buffer {
  return writeMessage('S', Buffer.concat([cstring(name), cstring(value)]))
}

/** BackendKeyData. The secret is four bytes in protocol 3.0 and up to 256 in 3.2. */
export function backendKeyData(key: CancelKey): Buffer {
  return writeMessage('K', Buffer.concat([uint32(key.process), key.secret]))
}

/** ReadyForQuery: idle, in a transaction, or in one that failed. */
export function readyForQuery(status: 'I' | 'T' | 'E'): Buffer {
  return writeMessage('Z', Buffer.from(status, 'latin1'))
}

/** ErrorResponse, fields by their letter. PostgreSQL protocol, "Error and Notice Message Fields". */
export function errorResponse(fields: ReadonlyMap<string, string>): Buffer {
  return writeMessage('E', writeErrorFields(fields))
}

/** NoticeResponse, fields by their letter. */
export function noticeResponse(fields: ReadonlyMap<string, string>): Buffer {
  return writeMessage('N', writeErrorFields(fields))
}

/**
 * NegotiateProtocolVersion: the newest minor version of 3 that is spoken, and the `_pq_.` options that are not. The
 * version goes as a whole (0x30000), as PostgreSQL and libpq have it.
 */
export function negotiateProtocolVersion(minor: number, options: readonly string[]): Buffer {
  const body = [int32(PROTOCOL_3_0 + minor), int32(options.length), ...options.map(cstring)]
  return writeMessage('v', Buffer.concat(body))
}

/** The body of an ErrorResponse or NoticeResponse: letter and text, again and again, then a NUL. */
export function writeErrorFields(fields: ReadonlyMap<string, string>): Buffer {
  const parts: Buffer[] = []
  for (const [letter, text] of fields) parts.push(Buffer.from(letter.slice(0, 1), 'latin1'), cstring(text))
  return Buffer.concat([...parts, NUL])
}

/** Reads the body of an ErrorResponse or NoticeResponse. Total: what is cut short is left out, the last of a letter counts. */
export function readErrorFields(body: Buffer): Map<string, string> {
  const reader = new ByteReader(body)
  const fields = new Map<string, string>()
  while (reader.remaining > 0) {
    const letter = reader.uint8()
    if (letter === 0) break
    const text = reader.cstring()
    if (!reader.ok) break
    fields.set(String.fromCharCode(letter), text)
  }
  return fields
}

// What a client says.

/** StartupMessage, protocol 3.0 unless a minor version is given. An empty name would end the list; there is none in our own. */
export function startupMessage(parameters: Readonly<Record<string, string>>, minor = 0): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [cstring(name), cstring(value)])
  return startPacket(PROTOCOL_3_0 + minor, Buffer.concat([...pairs, NUL]))
}

/** SSLRequest: may we speak TLS. */
export function sslRequest(): Buffer {
  return startPacket(SSL_REQUEST_CODE)
}

/** GSSENCRequest: may we speak GSSAPI encryption. */
export function gssEncryptionRequest(): Buffer {
  return startPacket(GSS_ENCRYPTION_REQUEST_CODE)
}

/** CancelRequest, the one message of a connection of its own. */
export function cancelRequestMessage(key: CancelKey): Buffer {
  return startPacket(CANCEL_REQUEST_CODE, Buffer.concat([uint32(key.process), key.secret]))
}

function startPacket(code: number, body: Buffer = EMPTY): Buffer {
  return Buffer.concat([uint32(8 + body.length), uint32(code), body])
}

/** PasswordMessage: the password itself, or its MD5 answer. */
export function passwordMessage(password: string): Buffer {
  return writeMessage('p', cstring(password))
}

/** SASLInitialResponse: the mechanism chosen and SCRAM's client-first-message. */
export function saslInitialResponse(mechanism: string, data: string): Buffer {
  const response = Buffer.from(data, 'utf8')
  return writeMessage('p', Buffer.concat([cstring(mechanism), int32(response.length), response]))
}

/** SASLResponse: SCRAM's client-final-message. */
export function saslResponse(data: string): Buffer {
  return writeMessage('p', Buffer.from(data, 'utf8'))
}

/** Query: one text, many statements perhaps. */
export function query(text: string): Buffer {
  return writeMessage('Q', cstring(text))
}

/** Parse: names a statement (empty for the unnamed one); type OIDs of parameters, 0 for "find out". */
export function parse(options: {
  readonly name?: string
  readonly text: string
  readonly parameterTypes?: readonly number[]
}): Buffer {
  const { name = '', text, parameterTypes = [] } = options
  const oids = parameterTypes.map(uint32)
  return writeMessage('P', Buffer.concat([cstring(name), cstring(text), int16(oids.length), ...oids]))
}

/** Bind: values for a statement's parameters, null for NULL; a format code (0 text, 1 binary) for all, each or none. */
export function bind(options: {
  readonly portal?: string
  readonly statement?: string
  readonly values?: readonly (Buffer | null)[]
  readonly valueFormats?: readonly number[]
  readonly resultFormats?: readonly number[]
}): Buffer {
  const { portal = '', statement = '', values = [], valueFormats = [], resultFormats = [] } = options
  return writeMessage(
    'B',
    Buffer.concat([
      cstring(portal),
      cstring(statement),
      int16(valueFormats.length),
      ...valueFormats.map(int16),
      int16(values.length),
      ...values.flatMap(value => (value === null ? [int32(-1)] : [int32(value.length), value])),
      int16(resultFormats.length),
      ...resultFormats.map(int16),
    ]),
  )
}

/** Describe a statement or a portal. */
export function describe(kind: 'statement' | 'portal', name = ''): Buffer {
  return writeMessage('D', cstring((kind === 'statement' ? 'S' : 'P') + name))
}

/** Close a statement or a portal. */
export function close(kind: 'statement' | 'portal', name = ''): Buffer {
  return writeMessage('C', cstring((kind === 'statement' ? 'S' : 'P') + name))
}

/** Execute a portal; at most `rowsMax` rows, 0 for all. */
export function execute(portal = '', rowsMax = 0): Buffer {
  return writeMessage('E', Buffer.concat([cstring(portal), int32(rowsMax)]))
}

/** Sync: the end of a pipeline's unit. */
export function sync(): Buffer {
  return writeMessage('S')
}

/** Flush: answer what you have. */
export function flush(): Buffer {
  return writeMessage('H')
}

/** Terminate: good bye. */
export function terminate(): Buffer {
  return writeMessage('X')
}
