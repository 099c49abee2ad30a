import { createInterface } from 'node:readline'
import type { Duplex } from 'node:stream'
import type { ControlMessage, GrantView, SessionOpened } from '../domain/api.js'
import type { LoopbackVerifier } from '../domain/session.js'
import { HoopError } from '../lib/hoop-error.js'
import type { TunnelPeer } from '../tunnel/stream-request.js'
import { isPassing } from './api-call.js'
import { keepLoginFresh } from './fresh-login.js'
import { GatewayApi } from './gateway-api.js'

/** The waits between tries to reach the gateway again: doubled each time, and the last one repeated. */
const RETRY_FIRST_MS = 250
const RETRY_LAST_MS = 5_000
/** How long a client connection waits for a gateway that is gone, before it is closed. */
const STREAM_WAIT_MS = 20_000
/** What the gateway says in this time before a grant's end is about its end. */
const ENDS_SOON_MS = 330_000
/** How long the end may take: a gateway that hangs must not keep a person's prompt. */
const FAREWELL_MS = 2_000

export interface SessionLinkOptions {
  readonly grant: GrantView
  readonly verifier: LoopbackVerifier
  readonly peer: TunnelPeer
  /** A new tunnel, when the old one is gone. */
  readonly dial: () => Promise<TunnelPeer>
  /** A valid access token, renewed where needed. */
  readonly accessToken: (peer: TunnelPeer) => Promise<string>
  /** Something a person should know, and the command that helps. */
  readonly tell: (message: string, hint?: string) => void
  /** The command that asks for a grant like this one: told with what the gateway says when this one ends soon. */
  readonly renewal: string
  readonly now: () => Date
}

/** Why a session is over for good. */
export interface SessionEnd {
  readonly reason: string
  readonly message: string
  readonly hint: string | undefined
}

interface OpenSession {
  readonly peer: TunnelPeer
  readonly opened: SessionOpened
  readonly control: Duplex
}

/**
 * A session held open at the gateway. When the gateway goes away, a new session is opened on the same grant with the
 * same secret, so that listeners and saved profiles go on working; when the grant is over, so is this.
 */
export class SessionLink {
  readonly ended: Promise<SessionEnd>
  #current: Promise<OpenSession>
  #settle: (end: SessionEnd) => void = () => {}
  /** Over, for whichever reason: nothing is opened again. */
  #closed = false
  #leaving = false
  readonly #stopRenewing: () => void

  private constructor(
    readonly options: SessionLinkOptions,
    first: OpenSession,
  ) {
    this.ended = new Promise(resolve => {
      this.#settle = resolve
    })
    this.#current = Promise.resolve(first)
    this.#watch(first)
    this.#stopRenewing = keepLoginFresh(async () => options.accessToken((await this.#current).peer))
  }

  /** Opens the first session. Fails as the gateway says. */
  static async open(
    options: SessionLinkOptions,
  ): Promise<{ readonly link: SessionLink; readonly session: SessionOpened }> {
    const first = await openSession(options, options.peer)
    return { link: new SessionLink(options, first), session: first.opened }
  }

  /** A stream of raw bytes to the target, for one client connection. */
  async openStream(): Promise<Duplex> {
    const { peer, opened } = await within(this.#current, STREAM_WAIT_MS)
    return peer.open(`/v1/sessions/${opened.id}/stream`, { authorization: `Bearer ${opened.token}` })
  }

  /** Ends the session at the gateway, where it has not ended yet, and gives this grant back. */
  async close(grant: string | undefined): Promise<void> {
    if (this.#leaving) return
    this.#leaving = true
    this.#closed = true
    this.#stopRenewing()
    const open = await within(this.#current, FAREWELL_MS).catch(() => undefined)
    // One that comes only after this is let go of; the gateway ends what nobody holds.
    if (open === undefined) return void this.#current.then(release, () => {})
    await this.#endAtGateway(open, grant).catch(() => {})
    release(open)
  }

  async #endAtGateway({ peer, opened }: OpenSession, grant: string | undefined): Promise<void> {
    const api = new GatewayApi(peer, await within(this.options.accessToken(peer), FAREWELL_MS))
    await within(api.endSession(opened.id), FAREWELL_MS)
    if (grant !== undefined) await within(api.revokeGrant(grant), FAREWELL_MS)
  }

  #watch(open: OpenSession): void {
    const lines = createInterface({ input: open.control })
    lines.on('line', line => this.#onMessage(line))
    lines.on('error', () => {})
    open.control.on('error', () => {})
    void open.peer.closed.then(() => this.#onLost())
    open.control.once('close', () => {
      if (!this.#closed) open.peer.close()
    })
  }

  #onMessage(line: string): void {
    const message = readControlMessage(line)
    if (message?.kind === 'notice') this.#onNotice(message.message)
    if (message?.kind !== 'ended' || this.#closed) return
    // A gateway that shuts down ends its sessions; another one, or the next, takes the grant.
    if (message.reason === 'gateway_draining') return
    this.#finish({ reason: message.reason, message: message.message, hint: message.hint })
  }

  /** Nothing makes a grant longer; another one can be had while this one lives. */
  #onNotice(message: string): void {
    const { tell, grant, renewal, now } = this.options
    const isEnding = new Date(grant.until).getTime() - now().getTime() < ENDS_SOON_MS
    if (isEnding) tell(message, renewal)
    else tell(message)
  }

  #finish(end: SessionEnd): void {
    this.#closed = true
    this.#stopRenewing()
    this.#settle(end)
  }

  #onLost(): void {
    if (this.#closed) return
    this.options.tell('The gateway is gone: trying to reach it again')
    this.#current = this.#reopen()
    this.#current.catch(error => this.#finish(asEnd(error)))
  }

  async #reopen(): Promise<OpenSession> {
    for (let wait = RETRY_FIRST_MS; ; wait = Math.min(wait * 2, RETRY_LAST_MS)) {
      await new Promise(resolve => setTimeout(resolve, wait * (0.5 + Math.random() / 2)))
      if (this.#closed) throw new HoopError('session_ended', 'Cannot open the session again: it was closed')
      try {
        const open = await openSession(this.options, await this.options.dial())
        if (this.#closed) return open
        this.options.tell('The gateway is back: the session goes on')
        this.#watch(open)
        return open
      } catch (error) {
        const expired = this.options.now() >= new Date(this.options.grant.until)
        if (expired || !isPassing(error)) throw error
      }
    }
  }
}

function release({ control, peer }: OpenSession): void {
  control.destroy()
  peer.close()
}

async function openSession(options: SessionLinkOptions, peer: TunnelPeer): Promise<OpenSession> {
  try {
    const api = new GatewayApi(peer, await options.accessToken(peer))
    const opened = await api.openSession({ grant: options.grant.id, verifier: options.verifier })
    const control = await peer.open(`/v1/sessions/${opened.id}/control`, {
      authorization: `Bearer ${opened.token}`,
    })
    return { peer, opened, control }
  } catch (error) {
    peer.close()
    throw error
  }
}

function asEnd(error: unknown): SessionEnd {
  if (error instanceof HoopError) return { reason: error.code, message: error.message, hint: error.hint }
  return { reason: 'fault', message: 'The session ended: an internal error occurred', hint: undefined }
}

function readControlMessage(line: string): ControlMessage | undefined {
  try {
    const message: ControlMessage = JSON.parse(line)
    return message
  } catch {
    return undefined
  }
}

async function within<Value>(promise: Promise<Value>, ms: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new HoopError('gateway_unavailable', 'Cannot reach the gateway: it did not answer in time')
    timer = setTimeout(() => reject(error), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
