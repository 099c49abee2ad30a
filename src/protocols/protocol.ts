import type { Catalog } from '../domain/catalog.js'
import type { ResultLimits } from '../domain/connection.js'
import type { Decision } from '../domain/decision.js'
import type { RecordingEvent } from '../domain/event.js'
import type { RelationName, StatementFacts, TextFacts } from '../domain/facts.js'
import type { RandomBytes } from '../domain/ids.js'
import type { ObjectVersions, VersionQuestion } from '../domain/object-versions.js'
import type { Operation } from '../domain/operation.js'
import type { EndReason, LoopbackVerifier } from '../domain/session.js'
import type { StatementMasking } from '../masking/statement-masking.js'
import type { EphemeralRoleProcedures } from './role-procedure.js'

/**
 * One wire protocol, as the gateway's session engine sees it: three state machines without I/O. Bytes go in, actions
 * come out in the order in which they are to be performed; nothing in here waits, reads a clock or opens a socket.
 */
export interface Protocol {
  /** The client's side up to where it is known and authenticated. */
  startClient(options: ClientStartOptions): ClientStart
  /** The target's side up to where it is ready for the first operation. */
  startTarget(options: TargetStartOptions): TargetStart
  /** Both sides joined: from here on every message is read. */
  join(options: JoinOptions): Machine
  /** Reads the catalog over a connection of the gateway's own that `startTarget` made ready. */
  readCatalog(version: number): CatalogReader
  /** The versions of everything that names resolve to, over a connection of the gateway's own. INVARIANT 6. */
  readObjectVersions(question: VersionQuestion): VersionReader
  /** About how many rows tables hold, by the target's own statistics; asked as the versions are. */
  estimateRows(tables: readonly RelationName[]): TargetReader<RowEstimate>
  /** A text that is another one when the catalog is: cheap to ask for, of no other use. */
  readFingerprint(): TargetReader<string>
  /** The bytes that ask the target to cancel what a connection is running, for a connection of their own. */
  cancelRequest(key: TargetCancelKey): Buffer
  /** What a client is told when it cannot be served at all; it has not been joined yet. */
  refuseStart(reason: EndReason, message: string, hint?: string): Buffer
  /** Roles that live as long as a session; absent where the protocol's targets have none. */
  readonly ephemeralRoles?: EphemeralRoleProcedures
}

/** A key that cancels what runs on one connection: a process number and a secret. */
export interface CancelKey {
  readonly process: number
  readonly secret: Buffer
}
/** The key that the target gave us. Never sent to a client. */
export type TargetCancelKey = CancelKey

export interface ClientStartOptions {
  readonly verifier: LoopbackVerifier
  readonly randomBytes: RandomBytes
}

export interface ClientStart {
  /** What to send before the client says anything. */
  begin(): readonly ClientStartAction[]
  fromClient(chunk: Buffer): readonly ClientStartAction[]
}

export type ClientStartAction =
  | { readonly kind: 'toClient'; readonly bytes: Buffer }
  /** The client is who it should be. The target is opened now; the client waits. */
  | { readonly kind: 'started'; readonly start: ClientStarted }
  /** This connection was made only to cancel what another one is running. */
  | { readonly kind: 'cancel'; readonly key: CancelKey }
  /** Send what was said so far and close. */
  | { readonly kind: 'close'; readonly reason: EndReason; readonly message: string }

/** What a client asked for when it connected, after the checks. */
export interface ClientStarted {
  /** Undefined when the client named none. */
  readonly database: string | undefined
  readonly application: string | undefined
  /** Settings to pass on to the target, all of them allowed. */
  readonly settings: Readonly<Record<string, string>>
  /** How long the secret of its cancel key is to be: what the version it speaks has room for. */
  readonly cancelSecretBytes: number
}

export interface TargetStartOptions {
  readonly user: string
  readonly password: string
  readonly database: string
  /** `require` asks for TLS in the protocol's own way, `direct` begins with the handshake. */
  readonly tls: 'disable' | 'require' | 'direct'
  readonly settings: Readonly<Record<string, string>>
  readonly randomBytes: RandomBytes
  /** RFC 5929 `tls-server-end-point` data, for channel binding; called after the upgrade. */
  readonly serverEndPoint?: () => Buffer | undefined
  /** Spares computing the same key for each connection. The caller owns it, and what it holds is as good as the password. */
  readonly derivedKeys?: DerivedKeyCache
}

/** Keys derived from a credential, by a digest of what they were derived from. */
export interface DerivedKeyCache {
  recall(digest: string): Buffer | undefined
  keep(digest: string, key: Buffer): void
}

export interface TargetStart {
  begin(): readonly TargetStartAction[]
  fromTarget(chunk: Buffer): readonly TargetStartAction[]
  /** The TLS handshake that a `tls` action asked for is done. */
  secured(): readonly TargetStartAction[]
}

export type TargetStartAction =
  | { readonly kind: 'toTarget'; readonly bytes: Buffer }
  /** Turn the connection into TLS now, then call `secured`. No byte of the target may be left unread. */
  | { readonly kind: 'tls' }
  | { readonly kind: 'ready'; readonly ready: TargetReady }
  | {
      readonly kind: 'failed'
      readonly reason: 'target_unavailable' | 'target_refused'
      readonly message: string
    }

/** What the target said while it got ready. */
export interface TargetReady {
  readonly settings: ReadonlyMap<string, string>
  readonly cancelKey: TargetCancelKey | undefined
  /** Server messages (notices) to pass on to the client as they are. */
  readonly notices: Buffer
}

export interface JoinOptions {
  readonly client: number
  readonly ready: TargetReady
  /** The key that the client is given, ours and random. */
  readonly cancelKey: CancelKey
  readonly results: ResultLimits
  readonly statementBytesMax: number
  /** Numbers the operations of the session, all its client connections together. */
  readonly nextOperation: () => number
}

/** The verdict on an operation, the answer to a `judge` action. */
export interface Verdict {
  readonly decision: Decision
  readonly facts: TextFacts
  /** Statements behind names that the text uses are resolved here; what the session's names are to remember. */
  readonly statements: readonly StatementFacts[]
  /** Undefined when nothing is masked for this session. */
  readonly masking: StatementMasking | undefined
  /** For the recording, so that sessions can be searched. */
  readonly verbs: readonly string[]
  readonly tables: readonly string[]
  /** With `prepare`: people would be asked before it runs, so the target need not hear of it before. */
  readonly reviewedWhenRun?: true
}

/** Something the gateway says to the person in front of the client while nothing is wrong. */
export interface ClientNotice {
  readonly message: string
  readonly detail?: string
  readonly hint?: string
}

/**
 * A client connection and its target connection, joined. Each method returns actions to perform in order. While a
 * `judge` action is unanswered, the machine keeps what the client sent and consumes nothing more of it; bytes of the
 * target go on being read.
 */
export interface Machine {
  /** What the client is told first, now that the target is ready. */
  begin(): readonly Action[]
  fromClient(chunk: Buffer): readonly Action[]
  fromTarget(chunk: Buffer): readonly Action[]
  /** Answers the `judge` action that is open, and goes on with what the client sent after it. */
  decide(verdict: Verdict): readonly Action[]
  /**
   * The open `judge` action waits for people: the target is asked for what it owes up to there, so that the client is not
   * left without the answers that came before.
   */
  hold(): readonly Action[]
  /** Tells the client, as soon as it is not in the middle of a message. */
  notify(notice: ClientNotice): readonly Action[]
  /**
   * What masking does to everything that belongs to no statement: notifications, settings. Set once, before `begin`, and
   * asked for each of them, because rules change while a client is connected.
   */
  setBackground(background: () => StatementMasking | undefined): void
  /** One side is gone or the session ends: what is still owed is recorded, and the client is told why and what helps. */
  end(reason: EndReason, message: string, hint?: string): readonly Action[]
  /** True while a `judge` action waits for its verdict. The driver stops reading the client then. */
  readonly isWaiting: boolean
  /** True when what waits for its verdict is dropped whatever it is: something before it failed. */
  readonly isMoot: boolean
  /** True while an answer is owed to the client; an idle limit does not count this time. */
  readonly isBusy: boolean
}

export type Action =
  | { readonly kind: 'toClient'; readonly bytes: Buffer }
  | { readonly kind: 'toTarget'; readonly bytes: Buffer }
  /** INVARIANT 1: comes before the `toTarget` it speaks of. */
  | { readonly kind: 'record'; readonly event: RecordingEvent }
  | { readonly kind: 'judge'; readonly operation: Operation }
  /** Definitions may have changed: what is known of the catalog is stale. */
  | { readonly kind: 'catalogChanged' }
  | { readonly kind: 'close'; readonly reason: EndReason; readonly message: string }

export interface CatalogReader {
  begin(): readonly CatalogAction[]
  fromTarget(chunk: Buffer): readonly CatalogAction[]
}

export type CatalogAction =
  | { readonly kind: 'toTarget'; readonly bytes: Buffer }
  | { readonly kind: 'catalog'; readonly catalog: Catalog }
  | { readonly kind: 'failed'; readonly message: string }

/** One question of the gateway's own, without I/O. After `answer` the connection can be used for the next one. */
export interface TargetReader<Answer> {
  begin(): readonly ReaderAction<Answer>[]
  fromTarget(chunk: Buffer): readonly ReaderAction<Answer>[]
}

/** `answer` and `failed` are the last. The message is half a sentence. */
export type ReaderAction<Answer> =
  | { readonly kind: 'toTarget'; readonly bytes: Buffer }
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly message: string }

/** Rows of all the tables together; undefined where the target does not know of one of them. */
export interface RowEstimate {
  readonly rows: number | undefined
}

/** Reads the versions of what a statement names. */
export type VersionReader = TargetReader<ObjectVersions>
