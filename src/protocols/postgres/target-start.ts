import { ByteReader } from '../../lib/byte-reader.js'
import { unreachable } from '../../lib/unreachable.js'
import type { CancelKey, TargetStart, TargetStartAction, TargetStartOptions } from '../protocol.js'
import { AUTHENTICATION, noticeResponse, readErrorFields, sslRequest, startupMessage } from './codec.js'
import { type SmallFrame, SmallFrameReader } from './small-frame-reader.js'
import { TargetSignIn } from './target-sign-in.js'

/** A server of ours reports fifteen; a hostile one could report for ever. */
const SETTINGS_MAX = 128
const NOTICES_BYTES_MAX = 64 * 1024
/** All messages of one start: above any real one. */
const MESSAGES_MAX = 1024
/** The secret of protocol 3.0, which is what we ask for; longer ones come only to those who ask for 3.2. */
const CANCEL_SECRET_BYTES = 4
/** An error of the target as people see it, cut there. */
const REASON_LETTERS_MAX = 300

/** The target's side up to its first ReadyForQuery. PostgreSQL protocol, "Start-up". */
export function startTarget(options: TargetStartOptions): TargetStart {
  return new PostgresTargetStart(options)
}

type Phase = 'new' | 'tlsAnswer' | 'handshake' | 'signIn' | 'setUp' | 'settling' | 'over'
type Actions = readonly TargetStartAction[]

class PostgresTargetStart implements TargetStart {
  readonly #options: TargetStartOptions
  readonly #reader = new SmallFrameReader()
  readonly #signIn: TargetSignIn
  readonly #settings = new Map<string, string>()
  readonly #notices: Buffer[] = []
  #noticeBytes = 0
  #messages = 0
  #cancelKey: CancelKey | undefined
  #phase: Phase = 'new'

  constructor(options: TargetStartOptions) {
    this.#options = options
    this.#signIn = new TargetSignIn(options)
  }

  begin(): Actions {
    switch (this.#options.tls) {
      case 'disable':
        return this.#startup()
      case 'direct':
        this.#phase = 'handshake'
        return [{ kind: 'tls' }]
      case 'require':
        this.#phase = 'tlsAnswer'
        return [{ kind: 'toTarget', bytes: sslRequest() }]
      default:
        return unreachable(this.#options.tls)
    }
  }

  secured(): Actions {
    return this.#phase === 'handshake' ? this.#startup() : this.#refuse('TLS began out of turn')
  }

  fromTarget(chunk: Buffer): Actions {
    if (this.#phase === 'over') return []
    if (this.#phase === 'tlsAnswer') return this.#tlsAnswer(chunk)
    if (this.#phase === 'new' || this.#phase === 'handshake') return this.#refuse('it spoke out of turn')
    this.#reader.push(chunk)
    const actions: TargetStartAction[] = []
    while (!this.#isOver()) {
      const frame = this.#reader.takeMessage()
      if (frame === undefined) break
      this.#messages += 1
      if (frame.kind === 'fault') actions.push(...this.#refuse(frame.reason))
      else if (this.#messages > MESSAGES_MAX)
        actions.push(...this.#refuse('it sent too many messages before it was ready'))
      else actions.push(...this.#message(frame))
    }
    // Settings and notices may follow the first ReadyForQuery at once. Ready is when no message is left in halves.
    if (this.#phase === 'settling' && this.#reader.buffered === 0) actions.push(...this.#ready())
    return actions
  }

  #isOver(): boolean {
    return this.#phase === 'over'
  }

  #startup(): Actions {
    const { user, database, settings } = this.#options
    this.#phase = 'signIn'
    // Who and where stand last, so that no setting can be another user.
    return [{ kind: 'toTarget', bytes: startupMessage({ ...settings, user, database }) }]
  }

  /** One byte, and nothing behind it: what came before the handshake was not protected by it (CVE-2021-23222, XP-1). */
  #tlsAnswer(chunk: Buffer): Actions {
    const answer = chunk.toString('latin1', 0, 1)
    if (answer === '') return []
    if (answer === 'S') {
      if (chunk.length > 1) return this.#refuse('it sent bytes between its consent to TLS and the handshake')
      this.#phase = 'handshake'
      return [{ kind: 'tls' }]
    }
    if (answer === 'N') return this.#refuse('it does not offer TLS', 'target_refused')
    // An error from before the handshake could be anyone's: its text is not shown (CVE-2024-10977).
    if (answer === 'E') return this.#refuse('it answered the request for TLS with an error', 'target_refused')
    return this.#refuse('it answered the request for TLS with something else')
  }

  #message({ tag, body }: SmallFrame): Actions {
    if (tag === 'E') return this.#refuse(this.#explain(body), 'target_refused')
    if (tag === 'N') return this.#notice(body)
    if (this.#phase === 'signIn') {
      return tag === 'R' ? this.#authenticate(body) : this.#refuse('it sent a message out of turn')
    }
    if (tag === 'S') return this.#parameter(body)
    if (this.#phase === 'setUp' && tag === 'K') return this.#key(body)
    if (this.#phase === 'setUp' && tag === 'Z') return this.#readyForQuery(body)
    return this.#refuse('it sent a message out of turn')
  }

  #authenticate(body: Buffer): Actions {
    const reader = new ByteReader(body)
    const kind = reader.uint32()
    if (!reader.ok) return this.#refuse('its request for authentication is cut short')
    if (kind === AUTHENTICATION.ok) {
      const reason = this.#signIn.whyNotOver(reader.remaining)
      if (reason !== undefined) return this.#refuse(reason)
      this.#phase = 'setUp'
      return []
    }
    const step = this.#signIn.answer(kind, reader.take(reader.remaining))
    if (step.kind === 'fault') return this.#refuse(step.reason, 'target_refused')
    return step.kind === 'say' ? [{ kind: 'toTarget', bytes: step.bytes }] : []
  }

  #parameter(body: Buffer): Actions {
    const reader = new ByteReader(body)
    const name = reader.cstring()
    const value = reader.cstring()
    if (!reader.ok || reader.remaining > 0) return this.#refuse('its ParameterStatus is malformed')
    this.#settings.set(name, value)
    return this.#settings.size > SETTINGS_MAX ? this.#refuse('it reports too many settings') : []
  }

  #key(body: Buffer): Actions {
    if (this.#cancelKey !== undefined || body.length !== 4 + CANCEL_SECRET_BYTES) {
      return this.#refuse('its BackendKeyData is malformed')
    }
    this.#cancelKey = { process: body.readUInt32BE(0), secret: body.subarray(4) }
    return []
  }

  #notice(body: Buffer): Actions {
    // Written anew: what the client gets is well-formed whatever the target sent.
    const notice = noticeResponse(readErrorFields(body))
    this.#noticeBytes += notice.length
    if (this.#noticeBytes > NOTICES_BYTES_MAX) return this.#refuse('it sent too many notices')
    this.#notices.push(notice)
    return []
  }

  #readyForQuery(body: Buffer): Actions {
    if (body.toString('latin1') !== 'I')
      return this.#refuse('it is in a transaction before the first statement')
    this.#phase = 'settling'
    return []
  }

  #ready(): Actions {
    this.#phase = 'over'
    const notices = Buffer.concat(this.#notices)
    return [{ kind: 'ready', ready: { settings: this.#settings, cancelKey: this.#cancelKey, notices } }]
  }

  /** What the target says of its refusal, without the credential, in one line. */
  #explain(body: Buffer): string {
    const fields = readErrorFields(body)
    const said = (fields.get('M') ?? 'an error without a text').replace(/\p{C}+/gu, ' ')
    const { password } = this.#options
    const safe = password === '' ? said : said.replaceAll(password, '***')
    const code = /^[0-9A-Z]{5}$/.exec(fields.get('C') ?? '')?.[0]
    return `it said: ${safe.slice(0, REASON_LETTERS_MAX)}${code === undefined ? '' : ` (SQLSTATE ${code})`}`
  }

  #refuse(message: string, reason: 'target_unavailable' | 'target_refused' = 'target_unavailable'): Actions {
    this.#phase = 'over'
    return [{ kind: 'failed', reason, message }]
  }
}
