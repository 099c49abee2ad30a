import type { SessionOpened, SessionRequest } from '../../domain/api.js'
import type { Catalog } from '../../domain/catalog.js'
import type { Grant } from '../../domain/grant.js'
import { readSessionId } from '../../domain/ids.js'
import type { TraceView } from '../../domain/lineage.js'
import type { Principal } from '../../domain/principal.js'
import type { EndReason, Session } from '../../domain/session.js'
import { describeError, HoopError } from '../../lib/hoop-error.js'
import { actorOf } from '../../store/actor.js'
import type { Store } from '../../store/store.js'
import type { StreamRequest } from '../../tunnel/stream-request.js'
import { Admission } from '../access/admission.js'
import { admitGrant } from '../access/admit-grant.js'
import { NewestClaims } from '../access/newest-claims.js'
import type { Policies, Using } from '../access/policies.js'
import { CredentialVault } from '../credentials/credential-vault.js'
import type { EphemeralRoles } from '../credentials/ephemeral-roles.js'
import { errorBody } from '../error-body.js'
import { closeRecording } from '../recordings/close-recording.js'
import type { Recorder } from '../recordings/recorder.js'
import { followRules } from './following-rules.js'
import { LiveSession, type LiveSessionOptions, type SessionRules } from './live-session.js'
import { makeSession } from './make-session.js'
import { readCatalog } from './read-catalog.js'
import { type ServeDeps, serveClient } from './serve-client.js'
import { takeCredential } from './take-credential.js'
import { readVerifier } from './verifier.js'

/** How often everything that ends a session by itself is looked at; a grant's end is kept to within this. */
const SWEEP_MS = 200
/** Sessions of one gateway at once. */
const SESSIONS_MAX = 10_000
/** How long sessions that are ended may take to close their files when the gateway stops. */
const DRAIN_MS = 10_000

export interface SessionsDeps extends ServeDeps {
  readonly store: Store
  readonly policies: () => Policies
  readonly openRecorder: (session: Session) => Recorder
  /** Makes the accounts of roles that have none of their own. */
  readonly roles?: EphemeralRoles | undefined
}

/** All sessions of this gateway that live. */
export class Sessions {
  readonly #live = new Map<string, LiveSession>()
  readonly #vault: CredentialVault
  readonly #opening = new Set<Promise<SessionOpened>>()
  readonly #finishing = new Set<Promise<void>>()
  readonly #sweeper: NodeJS.Timeout
  /** What tokens say of people, from whoever sees one. */
  readonly claims = new NewestClaims()
  #draining = false

  constructor(readonly deps: SessionsDeps) {
    this.#vault = new CredentialVault(deps.roles)
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS)
    this.#sweeper.unref()
  }

  /** Opens a session on a grant of this principal. Fails with `not_found`, `grant_ended`, `forbidden` or `recording_failed`. */
  open(principal: Principal, request: SessionRequest, address: string): Promise<SessionOpened> {
    const opening = this.#open(principal, request, address).finally(() => this.#opening.delete(opening))
    this.#opening.add(opening)
    return opening
  }

  async #open(principal: Principal, request: SessionRequest, address: string): Promise<SessionOpened> {
    this.#refuseWhenFull()
    const verifier = readVerifier(request.verifier)
    const admission = await admitGrant(this.deps, principal, request.grant)
    const { grant } = admission
    const now = this.deps.now()
    const session = makeSession(admission, { now, address })
    const live = await this.#begin({ session, admission, verifier, now })
    try {
      // INVARIANT 5: from here on a revocation finds the session; one that came before it did not, and is seen here.
      await admitGrant(this.deps, principal, request.grant)
      this.#refuseWhenDraining()
      await this.#audit(live, 'session.opened')
    } catch (error) {
      live.end(this.#draining ? 'gateway_draining' : readAdmissionEnd(error))
      throw error
    }
    const until = grant.until.toISOString()
    const { database } = admission.connection
    return { id: session.id, token: live.token, protocol: session.protocol, database, until }
  }

  /** Everything a session holds, or nothing of it. */
  async #begin(
    parts: Pick<LiveSessionOptions, 'session' | 'admission' | 'verifier' | 'now'>,
  ): Promise<LiveSession> {
    const { session, admission } = parts
    const { connection, role, grant } = admission
    const using = { vault: this.#vault, claims: this.claims, traceView: this.#traceView }
    const credential = await takeCredential(parts, { ...this.deps, ...using })
    let recorder: Recorder | undefined
    try {
      recorder = this.deps.openRecorder(session)
      await this.#beginRecording(recorder, session, grant)
      await this.deps.store.sessions.insert(session)
      const { breakGlass } = grant
      const who = { principal: session.principal, connection: connection.name, role: role.name, breakGlass }
      const rules = (database: string) => this.#rulesFor({ ...who, database })
      const live = new LiveSession({ ...parts, credential, recorder, rules, onEnd: this.#onEnd })
      this.#live.set(session.id, live)
      return live
    } catch (error) {
      credential.forget()
      if (recorder !== undefined) await closeRecording(recorder, 'fault').catch(() => undefined)
      throw error
    }
  }

  /** A stream of raw bytes for one client connection, or the one that holds the session. */
  stream(request: StreamRequest): void {
    const match = /^\/v1\/sessions\/([^/]+)\/(stream|control)$/.exec(request.path)
    const live = this.#live.get(match?.[1] ?? '')
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    if (match === null || live === undefined || !live.isToken(token)) {
      const error = new HoopError(
        'session_ended',
        'Cannot open the stream: the session is not known here or has ended',
      )
      return request.refuse(404, errorBody(error))
    }
    try {
      if (match[2] === 'control') live.hold(() => request.accept())
      else this.#serve(live, request)
    } catch (error) {
      request.refuse(429, errorBody(error))
    }
  }

  find(id: string): LiveSession | undefined {
    const known = readSessionId(id)
    return known === undefined ? undefined : this.#live.get(known)
  }

  /** What is known of a database, for a question that no session asks. Fails as opening the target does. */
  catalog(
    admission: Admission,
    { database, address }: { database: string; address: string },
  ): Promise<Catalog> {
    const session = makeSession(admission, { now: this.deps.now(), address })
    const take = async () => this.#vault.take(admission, session, this.deps.policies().resolveSecret)
    return readCatalog({ admission, database, take }, this.deps)
  }

  /** Ends the live sessions of a grant. */
  endGrant(grant: string, reason: EndReason): void {
    for (const live of this.#live.values()) if (live.session.grant === grant) live.end(reason)
  }

  /** Ends every session and waits until their recordings are closed. */
  async drain(): Promise<void> {
    this.#draining = true
    this.deps.catalogs.close()
    for (const live of this.#live.values()) live.end('gateway_draining')
    const timeout = new Promise<void>(resolve => setTimeout(resolve, DRAIN_MS).unref())
    const finished = Promise.allSettled(this.#opening)
      .then(() => Promise.all(this.#finishing))
      .then(() => this.#vault.settled())
    await Promise.race([finished, timeout])
    clearInterval(this.#sweeper)
  }

  #serve(live: LiveSession, request: StreamRequest): void {
    if (!live.makeRoom()) {
      const { clientConnectionsMax } = live.admission.connection.limits
      throw new HoopError(
        'limit_exceeded',
        `Cannot open another client connection: the session has ${clientConnectionsMax} already`,
      )
    }
    void serveClient(request.accept(), live, this.deps)
  }

  #refuseWhenDraining(): void {
    if (!this.#draining) return
    throw new HoopError('gateway_unavailable', 'Cannot open a session: the gateway is shutting down')
  }

  #refuseWhenFull(): void {
    this.#refuseWhenDraining()
    if (this.#live.size >= SESSIONS_MAX) {
      throw new HoopError('limit_exceeded', 'Cannot open a session: the gateway has too many')
    }
  }

  async #beginRecording(recorder: Recorder, session: Session, grant: Grant): Promise<void> {
    const { id, principal, connection, role, address } = session
    const { reason, until } = grant
    recorder.append({
      kind: 'session',
      session: id,
      grant: grant.id,
      principal,
      connection,
      role,
      reason,
      address,
      until: until.toISOString(),
      policy: this.deps.policies().digest,
    })
    await recorder.commit()
  }

  #rulesFor(who: Using): SessionRules {
    const { policies } = this.deps
    return followRules(who, { policies, claims: this.claims, traceView: this.#traceView })
  }

  readonly #traceView: TraceView = (view, catalog) => this.deps.facts.traceView(view, catalog)

  #sweep(): void {
    const now = this.deps.now()
    for (const live of this.#live.values()) {
      try {
        live.sweep(now.getTime(), one => this.#admitAgain(one.admission.grant, now))
      } catch (error) {
        const failed = error instanceof HoopError && error.code === 'recording_failed'
        this.deps.log.warn(
          { session: live.session.id, cause: describeError(error) },
          'a session cannot go on',
        )
        live.end(failed ? 'recorder_failed' : readAdmissionEnd(error))
      }
    }
  }

  /** By the newest word of the provider: who was removed from a group has lost what it gave. */
  #admitAgain(grant: Grant, now: Date): Admission {
    const principal = this.claims.of(grant.principal)
    const current = principal === grant.principal ? grant : { ...grant, principal }
    return Admission.admit(current, this.deps.policies(), now)
  }

  readonly #onEnd = (live: LiveSession, reason: EndReason): void => {
    this.#live.delete(live.session.id)
    const finishing = this.#finish(live, reason).finally(() => this.#finishing.delete(finishing))
    this.#finishing.add(finishing)
  }

  /** Each step on its own: whatever fails, the recording is closed and the end is written down. */
  async #finish(live: LiveSession, reason: EndReason): Promise<void> {
    const attempt = <Value>(failure: string, step: () => Promise<Value>): Promise<Value | undefined> =>
      step().catch(error => {
        this.deps.log.error({ session: live.session.id, cause: describeError(error) }, failure)
        return undefined
      })
    // The command that held the session was killed: nobody is left to give the grant back.
    if (reason === 'client_lost') await attempt('a grant could not be given back', () => this.#revoke(live))
    const head = await attempt('a recording could not be closed', () => live.finish())
    const { operations, refused } = live
    const end = { at: this.deps.now(), reason, head, operations, refused }
    await attempt('the end of a session could not be kept', () =>
      this.deps.store.sessions.end(live.session.id, end),
    )
    await attempt('the end of a session could not be logged', () =>
      this.#audit(live, 'session.ended', reason),
    )
  }

  async #revoke(live: LiveSession): Promise<void> {
    const { grant, principal, address } = live.session
    const at = this.deps.now()
    const actor = actorOf(principal)
    if (!(await this.deps.store.grants.revoke(grant, actor, at))) return
    const detail = { why: 'the hoop command that held it is gone' }
    await this.deps.store.audit.append({
      at,
      actor,
      action: 'grant.revoked',
      subject: grant,
      address,
      detail,
    })
  }

  #audit(live: LiveSession, action: string, detail?: string): Promise<void> {
    const { principal, id, address } = live.session
    return this.deps.store.audit.append({
      at: this.deps.now(),
      actor: actorOf(principal),
      action,
      subject: id,
      address,
      detail: detail === undefined ? undefined : { why: detail },
    })
  }
}

/** Why a session cannot begin or go on that had been admitted. */
function readAdmissionEnd(error: unknown): EndReason {
  if (!(error instanceof HoopError)) return 'fault'
  if (error.code === 'forbidden') return 'access_removed'
  return error.code === 'grant_ended' ? 'grant_revoked' : 'fault'
}
