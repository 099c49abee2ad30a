import { isUtf8 } from 'node:buffer'
import type { EndReason } from '../../domain/session.js'
import { ByteReader } from '../../lib/byte-reader.js'
import type { ClientStart, ClientStartAction, ClientStarted, ClientStartOptions } from '../protocol.js'
import { type ClientSettings, readClientSettings } from './client-settings.js'
import {
  authenticationSasl,
  authenticationSaslContinue,
  authenticationSaslFinal,
  CANCEL_REQUEST_CODE,
  GSS_ENCRYPTION_REQUEST_CODE,
  MINOR_LATEST,
  MINOR_WITH_LONG_SECRETS,
  negotiateProtocolVersion,
  PROTOCOL_3_0,
  SSL_REQUEST_CODE,
} from './codec.js'
import { fatalError, refuseStart } from './end-error.js'
import { SCRAM_NONCE_BYTES, SCRAM_SHA_256 } from './scram.js'
import { type ScramAnswer, ScramServer } from './scram-server.js'
import { SmallFrameReader } from './small-frame-reader.js'

/** The first byte of a TLS record: a client that begins with TLS, `sslnegotiation=direct`. */
const TLS_HANDSHAKE_BYTE = 0x16
/** Protocol 3.2 has secrets of up to 256 bytes; ours are shorter. */
const CANCEL_SECRET_BYTES_MAX = 256
/** What a client is given: in protocol 3.0 there is room for no more, in 3.2 the length is that of PostgreSQL 18. */
const CANCEL_SECRET_BYTES = { short: 4, long: 32 } as const
const APPLICATION_LETTERS_MAX = 64
const NO = Buffer.from('N', 'latin1')

/** The client's side up to where it is known. PostgreSQL protocol, "Start-up", and RFC 5802. */
export function startClient(options: ClientStartOptions): ClientStart {
  return new PostgresClientStart(options)
}

type Phase = 'packet' | 'mechanism' | 'proof' | 'over'
type Actions = readonly ClientStartAction[]

class PostgresClientStart implements ClientStart {
  readonly #reader = new SmallFrameReader()
  readonly #scram: ScramServer
  #phase: Phase = 'packet'
  #asked = { tls: false, gss: false }
  #settings: ClientSettings = { database: undefined, settings: {} }
  #minor = 0

  constructor({ verifier, randomBytes }: ClientStartOptions) {
    const nonce = Buffer.from(randomBytes(SCRAM_NONCE_BYTES)).toString('base64')
    this.#scram = new ScramServer(verifier, nonce)
  }

  begin(): Actions {
    return []
  }

  fromClient(chunk: Buffer): Actions {
    if (chunk.length === 0) return []
    // After `started` nothing is due before the server is ready, so what comes is out of its phase (XP-10).
    if (this.#phase === 'over')
      return [{ kind: 'close', reason: 'protocol_violation', message: 'bytes came out of turn' }]
    this.#reader.push(chunk)
    const actions: ClientStartAction[] = []
    while (!this.#isOver()) {
      const step = this.#phase === 'packet' ? this.#packet() : this.#message()
      if (step === undefined) break
      actions.push(...step)
    }
    return actions
  }

  #isOver(): boolean {
    return this.#phase === 'over'
  }

  #packet(): Actions | undefined {
    if (this.#reader.peek() === TLS_HANDSHAKE_BYTE) {
      return this.#close(
        'refused_start',
        'the client began with TLS, and the loopback speaks none: set sslmode=disable',
      )
    }
    const frame = this.#reader.takeStartPacket()
    if (frame === undefined) return undefined
    // Not a client of this protocol at all: it gets no answer, as from PostgreSQL.
    if (frame.kind === 'fault') return this.#close('protocol_violation', frame.reason)
    const reader = new ByteReader(frame.body)
    const code = reader.uint32()
    if (!reader.ok) return this.#close('protocol_violation', 'the start-up packet has no version')
    if (code === CANCEL_REQUEST_CODE) return this.#cancel(reader)
    if (code === SSL_REQUEST_CODE) return this.#refuseEncryption('tls', reader)
    if (code === GSS_ENCRYPTION_REQUEST_CODE) return this.#refuseEncryption('gss', reader)
    if (code >>> 16 !== PROTOCOL_3_0 >>> 16) {
      const asked = `${code >>> 16}.${code & 0xffff}`
      return this.#refuse({
        code: '0A000',
        message: `protocol ${asked} is not spoken here: 3.0 to 3.${MINOR_LATEST} are`,
      })
    }
    return this.#startup(code & 0xffff, reader)
  }

  /** The loopback is this machine's; TLS begins at the tunnel. One request of each kind, and nothing behind it (XP-1). */
  #refuseEncryption(kind: 'tls' | 'gss', reader: ByteReader): Actions {
    if (this.#asked[kind] || reader.remaining > 0) {
      return this.#close('protocol_violation', 'encryption was asked for twice, or with more than a request')
    }
    if (this.#reader.buffered > 0) {
      return this.#close('protocol_violation', 'bytes came before the answer to a request for encryption')
    }
    this.#asked = { ...this.#asked, [kind]: true }
    return [{ kind: 'toClient', bytes: NO }]
  }

  #cancel(reader: ByteReader): Actions {
    const process = reader.uint32()
    const secret = reader.take(reader.remaining)
    if (!reader.ok || secret.length < 4 || secret.length > CANCEL_SECRET_BYTES_MAX) {
      return this.#close('protocol_violation', 'CancelRequest is malformed')
    }
    this.#phase = 'over'
    return [{ kind: 'cancel', key: { process, secret } }]
  }

  #startup(minor: number, reader: ByteReader): Actions {
    const parameters = readParameters(reader)
    if (parameters === undefined)
      return this.#refuse({ code: '08P01', message: 'StartupMessage is malformed' })
    const isExtension = ([name]: readonly [string, string]): boolean => name.startsWith('_pq_.')
    const extensions = parameters.filter(isExtension).map(([name]) => name)
    const checked = readClientSettings(parameters.filter(parameter => !isExtension(parameter)))
    if (checked.kind === 'refused') return this.#refuse(checked)
    this.#settings = checked
    this.#phase = 'mechanism'
    // As PostgreSQL 18: never a newer version than was asked for, and no word where there is nothing to negotiate.
    this.#minor = Math.min(minor, MINOR_LATEST)
    const isNegotiated = minor > MINOR_LATEST || extensions.length > 0
    const negotiation = isNegotiated ? [negotiateProtocolVersion(this.#minor, extensions)] : []
    return [{ kind: 'toClient', bytes: Buffer.concat([...negotiation, authenticationSasl([SCRAM_SHA_256])]) }]
  }

  #message(): Actions | undefined {
    const frame = this.#reader.takeMessage()
    if (frame === undefined) return undefined
    if (frame.kind === 'fault') return this.#violation(frame.reason)
    if (frame.tag === 'X') return this.#close('client_closed', 'the client left before it signed in')
    if (frame.tag !== 'p') return this.#violation('a message came before the sign-in was over')
    if (this.#reader.buffered > 0) return this.#violation('bytes came before their turn')
    if (this.#phase === 'proof') return this.#answer(this.#scram.verify(frame.body.toString('latin1')))
    const reader = new ByteReader(frame.body)
    const mechanism = reader.cstring()
    const length = reader.int32()
    const data = reader.take(length)
    if (!reader.ok || reader.remaining > 0) return this.#violation('SASLInitialResponse is malformed')
    if (mechanism !== SCRAM_SHA_256) return this.#violation('a mechanism was chosen that is not on offer')
    return this.#answer(this.#scram.challenge(data.toString('utf8')))
  }

  #answer(answer: ScramAnswer): Actions {
    if (answer.kind === 'continue') {
      this.#phase = 'proof'
      return [{ kind: 'toClient', bytes: authenticationSaslContinue(answer.data) }]
    }
    if (answer.kind === 'fault') return this.#violation(`the SCRAM message was not taken: ${answer.reason}`)
    if (answer.kind === 'rejected') {
      const hint = 'this port belongs to one hoop session: use the password that "hoop connect" gave for it'
      return this.#refuse({ code: '28P01', message: 'password authentication failed', hint })
    }
    this.#phase = 'over'
    // AuthenticationOk comes when the target is ready: `begin` of the joined machine.
    return [
      { kind: 'toClient', bytes: authenticationSaslFinal(answer.data) },
      { kind: 'started', start: this.#started() },
    ]
  }

  #started(): ClientStarted {
    const { database, settings } = this.#settings
    const name = settings.application_name?.replace(/\p{C}/gu, '?').slice(0, APPLICATION_LETTERS_MAX)
    const { long, short } = CANCEL_SECRET_BYTES
    return {
      database,
      settings,
      application: name === '' ? undefined : name,
      cancelSecretBytes: this.#minor >= MINOR_WITH_LONG_SECRETS ? long : short,
    }
  }

  #refuse(error: {
    readonly code: string
    readonly message: string
    readonly hint?: string | undefined
  }): Actions {
    const { code, message, hint } = error
    return [
      { kind: 'toClient', bytes: fatalError({ code, message, hint }) },
      ...this.#close('refused_start', message),
    ]
  }

  #violation(reason: string): Actions {
    return [
      { kind: 'toClient', bytes: refuseStart('protocol_violation', reason) },
      ...this.#close('protocol_violation', reason),
    ]
  }

  #close(reason: EndReason, message: string): Actions {
    this.#phase = 'over'
    return [{ kind: 'close', reason, message }]
  }
}

/** Names and values up to an empty name that ends the packet; undefined when it is not so. */
function readParameters(reader: ByteReader): readonly (readonly [string, string])[] | undefined {
  const parameters: (readonly [string, string])[] = []
  while (reader.remaining > 1) {
    const name = reader.takeUntilNul()
    const value = reader.takeUntilNul()
    // Text that is not UTF-8 would be checked as one name and sent on as another.
    if (!reader.ok || name.length === 0 || !isUtf8(name) || !isUtf8(value)) return undefined
    parameters.push([name.toString('utf8'), value.toString('utf8')])
  }
  return reader.uint8() === 0 && reader.ok ? parameters : undefined
}
