import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { ControlMessage } from '../../domain/api.js'
import type { Catalog } from '../../domain/catalog.js'
import type { PolicyDecision } from '../../domain/decision.js'
import type { RecordingEvent } from '../../domain/event.js'
import { describeEnd, type EndReason, type LoopbackVerifier, type Session } from '../../domain/session.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { Masker } from '../../masking/masker.js'
import type { CancelKey } from '../../protocols/protocol.js'
import type { Admission } from '../access/admission.js'
import type { Credential } from '../credentials/credential.js'
import { closeRecording } from '../recordings/close-recording.js'
import type { Recorder } from '../recordings/recorder.js'
import { EndWarnings } from './end-warnings.js'
import type { DecisionInput } from './judge.js'
import type { Relay } from './relay.js'

/** How long a session lives on without the CLI that holds it: a short break of the network, no more. */
const HOLD_MS = 15_000
/** Control streams at once: the CLI has one, and for a moment two while it reconnects. */
const CONTROLS_MAX = 4

export interface LiveSessionOptions {
  readonly session: Session
  readonly admission: Admission
  readonly credential: Credential
  readonly verifier: LoopbackVerifier
  readonly recorder: Recorder
  readonly now: Date
  /** The rules in force for one database of the session; they follow a reload of the configuration. */
  readonly rules: (database: string) => SessionRules
  readonly onEnd: (live: LiveSession, reason: EndReason) => void
}

/** What policy and masking say in one session, for one database. */
export interface SessionRules {
  readonly decide: (input: DecisionInput) => PolicyDecision
  readonly maskerFor: (catalog: Catalog) => Masker | undefined
  /** False when nothing that is decided depends on definitions: no column is protected, no rule speaks of tables. */
  readonly usesCatalog: boolean
}

interface OpenConnection {
  readonly relay: Relay
  readonly cancelKey: CancelKey
  /** Asks the target to cancel what this connection is running. */
  readonly cancel: () => Promise<void>
}

/** A session while it lives: its credential, its recorder, its client connections and the CLI that holds it. */
export class LiveSession {
  readonly token = randomBytes(32).toString('base64url')
  readonly session: Session
  readonly credential: Credential
  readonly verifier: LoopbackVerifier
  operations = 0
  refused = 0
  /** Client connections that have started and not ended, also those still waiting for their target. */
  clientConnections = 0
  #admission: Admission
  readonly #options: LiveSessionOptions
  readonly #warnings: EndWarnings
  readonly #tokenDigest = digest(this.token)
  readonly #open = new Map<number, OpenConnection>()
  readonly #controls = new Set<Duplex>()
  /** Client connections that have not proved anything yet, oldest first. */
  readonly #strangers = new Set<Duplex>()
  #nextClient = 0
  #nextOperation = 0
  /** The time of the last sweep, or of the beginning: good enough to tell an idle session, and free on the data path. */
  #sweptAt: number
  #activeAt: number
  #heldAt: number
  #endedBecause: EndReason | undefined
  #recorderClosed = false

  constructor(options: LiveSessionOptions) {
    this.#options = options
    this.session = options.session
    this.credential = options.credential
    this.verifier = options.verifier
    this.#admission = options.admission
    this.#warnings = new EndWarnings(options.admission.grant.until, options.now)
    this.#sweptAt = options.now.getTime()
    this.#activeAt = this.#sweptAt
    this.#heldAt = options.now.getTime()
  }

  get admission(): Admission {
    return this.#admission
  }

  /** The command that helps whoever is told the end. */
  get endHint(): string {
    return `hoop connect ${this.session.connection}`
  }

  get endReason(): EndReason | undefined {
    return this.#endedBecause
  }

  /** Compares in constant time; the token is the only thing that opens streams of this session. */
  isToken(token: string): boolean {
    return timingSafeEqual(digest(token), this.#tokenDigest)
  }

  nextClient(): number {
    this.#nextClient += 1
    return this.#nextClient
  }

  readonly nextOperation = (): number => {
    this.#nextOperation += 1
    return this.#nextOperation
  }

  /** What the protocol machines record goes through here, so that it is counted. */
  readonly recorder: Recorder = {
    append: (event: RecordingEvent) => {
      if (event.kind === 'operation') {
        this.operations += 1
        if (event.decision.kind === 'deny') this.refused += 1
      }
      this.#options.recorder.append(event)
    },
    commit: () => this.#options.recorder.commit(),
    close: () => this.#options.recorder.close(),
  }

  rules(database: string): SessionRules {
    return this.#options.rules(database)
  }

  /** Takes the end of a client connection; a recorder that is gone has ended the session already. */
  recordClientEnd(event: Extract<RecordingEvent, { kind: 'client_end' }>): void {
    if (this.#recorderClosed) return
    this.#options.recorder.append(event)
  }

  /**
   * True when there is room for one more client connection. Where there is none, the oldest that has proved nothing gives
   * way: anyone on the machine may open connections to a listener and say nothing, and must not shut its owner out.
   */
  makeRoom(): boolean {
    if (this.clientConnections < this.#admission.connection.limits.clientConnectionsMax) return true
    for (const oldest of this.#strangers) {
      this.#strangers.delete(oldest)
      oldest.destroy()
      return true
    }
    return false
  }

  /** Counts a client connection as a stranger's for as long as `handshake` takes. */
  async whileStranger<Outcome>(client: Duplex, handshake: Promise<Outcome>): Promise<Outcome> {
    this.#strangers.add(client)
    return handshake.finally(() => this.#strangers.delete(client))
  }

  readonly touch = (): void => {
    this.#activeAt = this.#sweptAt
  }

  add(client: number, open: OpenConnection): void {
    this.#open.set(client, open)
    open.relay.ended.then(() => this.#open.delete(client))
  }

  /** The relay that a cancel key belongs to, compared in constant time. */
  findByCancelKey(key: CancelKey): (OpenConnection & { readonly client: number }) | undefined {
    for (const [client, open] of this.#open) {
      const { cancelKey } = open
      if (cancelKey.process !== key.process || cancelKey.secret.length !== key.secret.length) continue
      if (timingSafeEqual(cancelKey.secret, key.secret)) return { ...open, client }
    }
    return undefined
  }

  /** The CLI holds the session with this stream; when the last one is gone for a while, the session ends. */
  hold(open: () => Duplex): void {
    if (this.#controls.size >= CONTROLS_MAX) {
      throw new HoopError('limit_exceeded', 'Cannot hold the session: it is held by too many already')
    }
    const stream = open()
    this.#controls.add(stream)
    stream.on('error', () => {})
    stream.resume()
    stream.once('close', () => {
      this.#controls.delete(stream)
      this.#heldAt = Math.max(this.#heldAt, this.#sweptAt)
    })
    stream.once('end', () => stream.end())
    this.tell({ kind: 'attached' })
  }

  tell(message: ControlMessage): void {
    const line = `${JSON.stringify(message)}\n`
    for (const control of this.#controls) control.write(line)
  }

  /** Looks at everything that ends a session by itself; called a few times a second. */
  sweep(now: number, check: (live: LiveSession) => Admission): void {
    this.#sweptAt = now
    const { grant, connection } = this.#admission
    if (grant.until.getTime() <= now) return this.end('grant_expired')
    const warning = this.#warnings.due(now)
    if (warning !== undefined) this.#warn(warning)
    if (this.#controls.size > 0) this.#heldAt = now
    if (now - this.#heldAt > HOLD_MS) return this.end('client_lost')
    if (this.#isBusy()) this.#activeAt = now
    if (now - this.#activeAt > connection.limits.idleTimeoutMs) return this.end('idle')
    this.#admission = check(this)
    this.#options.recorder.commit()?.catch(() => this.end('recorder_failed'))
  }

  /** Ends every client connection and tells the CLI why. The first reason counts. */
  end(reason: EndReason): void {
    if (this.#endedBecause !== undefined) return
    this.#endedBecause = reason
    this.credential.forget()
    for (const { relay } of this.#open.values()) relay.end(reason, { hint: this.endHint })
    for (const stranger of this.#strangers) stranger.destroy()
    const message = `The session on "${this.session.connection}" ended: ${describeEnd(reason)}`
    this.tell({ kind: 'ended', reason, message, hint: this.endHint })
    for (const control of this.#controls) control.end()
    this.#options.onEnd(this, reason)
  }

  /** Records the end, closes the file and gives the last link of its chain; after every client connection has ended. */
  async finish(): Promise<string> {
    await Promise.all([...this.#open.values()].map(({ relay }) => relay.ended))
    this.#recorderClosed = true
    return closeRecording(this.#options.recorder, this.#endedBecause ?? 'fault')
  }

  #warn(warning: string): void {
    const message = `The session on "${this.session.connection}": ${warning}`
    for (const { relay } of this.#open.values()) relay.notify({ message: warning, hint: this.endHint })
    this.tell({ kind: 'notice', message })
  }

  #isBusy(): boolean {
    for (const { relay } of this.#open.values()) if (relay.isBusy) return true
    return false
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
