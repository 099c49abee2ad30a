import type { MaskingMode } from './masking-rule.js'
import type { LoopbackVerifier } from './session.js'

export type {
  ReviewAnswerRequest,
  ReviewList,
  ReviewSubjectView,
  ReviewView,
} from './review-api.js'

/** Bodies of the gateway's HTTP API, as JSON. Times are ISO 8601 in UTC, durations whole seconds. */

/** `GET /.well-known/hoop`: what a CLI must know before it can sign in. */
export interface GatewayDiscovery {
  readonly gateway: string
  readonly version: string
  readonly tokenEndpoint: string
  readonly provider: {
    readonly issuer: string
    readonly clientId: string
    readonly scopes: readonly string[]
  }
}

/** `POST /v1/token`, RFC 8693, section 2.2.1. */
export interface TokenResponse {
  readonly access_token: string
  readonly issued_token_type: 'urn:ietf:params:oauth:token-type:access_token'
  readonly token_type: 'Bearer'
  readonly expires_in: number
}

/** Any answer outside of 2xx. */
export interface ErrorResponse {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly hint?: string
    /** To quote when asking for help; the gateway's log has the cause under it. */
    readonly request: string
  }
}

/** `GET /v1/me` */
export interface MeResponse {
  readonly issuer: string
  readonly subject: string
  readonly name: string
  readonly groups: readonly string[]
  readonly tokenExpiresAt: string
}

/** `GET /v1/connections`: only those that an access rule gives this principal. */
export interface ConnectionView {
  readonly name: string
  readonly description?: string
  readonly protocol: string
  readonly roles: readonly string[]
  readonly agent?: { readonly name: string; readonly online: boolean }
}

/**
 * `POST /v1/grants`: 201 with a `GrantView`, or 202 with a `ReviewView` where people have to agree first. The same request
 * again, or one that names the review, claims the grant once they have.
 */
export interface GrantRequest {
  readonly connection: string
  readonly role?: string
  readonly reason?: string
  readonly durationSeconds?: number
  /** Claims the grant that this review approved. */
  readonly review?: string
  /** Uses the right to break the glass: given at once, told to everyone, looked at afterwards. Needs a reason. */
  readonly breakGlass?: boolean
}

export interface GrantView {
  readonly id: string
  /** Whose it is; only where the grants of everybody are listed. */
  readonly principal?: string
  readonly connection: string
  /** What the connection speaks; absent when the connection is not configured any more. */
  readonly protocol?: string
  readonly role: string
  readonly rule: string
  readonly reason?: string
  readonly grantedAt: string
  readonly until: string
  readonly revokedAt?: string
  /** The review that approved it. */
  readonly review?: string
  readonly breakGlass?: boolean
}

/** `POST /v1/grants/{id}/explain` */
export interface ExplainRequest {
  readonly statement: string
  /** The connection's own when left out. */
  readonly database?: string
}

/** What the gateway would do with a statement, and why. Nothing of it has run. */
export interface ExplainResponse {
  readonly connection: string
  readonly role: string
  readonly database: string
  /** Digest of the configuration whose rules decided. */
  readonly policy: string
  /** The last word, masking's own refusals included. */
  readonly decision: DecisionView
  /** The first of the commands in the text; none when it was not understood. */
  readonly commands: readonly CommandView[]
  readonly commandCount: number
  readonly masking: MaskingView
}

export type DecisionView =
  | { readonly kind: 'allow'; readonly rule?: string }
  /** People would have to agree; each demand by people of its own. */
  | {
      readonly kind: 'review'
      readonly demands: readonly {
        readonly rule: string
        readonly message?: string
        readonly approvers: readonly string[]
        readonly manager: boolean
        readonly count: number
      }[]
    }
  | { readonly kind: 'deny'; readonly rule: string; readonly message: string; readonly hint?: string }

/** One command with its facts, as rules see them, and what each rule says of it. */
export interface CommandView {
  readonly verb: string
  readonly object: string
  readonly nested: boolean
  readonly writes: boolean
  readonly filtered: boolean
  readonly drops: boolean
  readonly defines: boolean
  readonly opaque: boolean
  readonly serverAccess: boolean
  /** `schema.table`; absent where there are too many for a rule to look at. */
  readonly tables?: readonly string[]
  readonly writtenTables?: readonly string[]
  /** What matched or failed first, then what came close, then the rest. */
  readonly rules: readonly RuleView[]
  /** Rules that apply, also those that are not listed. */
  readonly ruleCount: number
}

export interface RuleView {
  readonly rule: string
  readonly effect: 'deny' | 'review' | 'allow'
  readonly origin: 'configured' | 'shipped'
  /** `failed` could not be evaluated, which denies. */
  readonly outcome: 'matched' | 'failed' | 'missed'
  readonly message?: string
  /** It did not match, and speaks of this command's verb. */
  readonly close: boolean
}

export type MaskingView =
  /** No masking rule applies to this principal here. */
  | { readonly kind: 'none' }
  | {
      readonly kind: 'refused'
      readonly mode: MaskingMode
      readonly rule: string
      readonly message: string
      readonly hint?: string
    }
  | {
      readonly kind: 'masked'
      readonly mode: MaskingMode
      /** What becomes of output columns that are no plain columns; `everything` is masked with them. */
      readonly computed: {
        readonly kind: 'clear' | 'expressions' | 'everything'
        readonly reason: string
        readonly rule?: string
        readonly strategy?: string
      }
      /** Columns of the tables it touches that are masked where they come out plain. */
      readonly columns: readonly {
        readonly column: string
        readonly rule: string
        readonly strategy: string
      }[]
      readonly columnCount: number
      /** Values of every other column are looked through for these. */
      readonly detectors: readonly { readonly rule: string; readonly detectors: readonly string[] }[]
      /** What the outputs are computed from, as far as it is followed. */
      readonly outputs?: readonly OutputView[]
      /** Errors and notices of the server are replaced whole. */
      readonly hidesMessages: boolean
    }

/** What one output of a statement is computed from. Places count from 1; output 0 stands for every output. */
export interface OutputView {
  readonly statement: number
  readonly output: number
  /** Whether a masked column is behind it. */
  readonly holds: 'clear' | 'protected' | 'unknown'
  /** `schema.table.column` */
  readonly columns: readonly string[]
  /** `schema.view`, the views between. */
  readonly through: readonly string[]
  readonly reason?: string
}

/** `POST /v1/sessions` */
export interface SessionRequest {
  readonly grant: string
  readonly verifier: LoopbackVerifier
}

export interface SessionOpened {
  readonly id: string
  /** Opens the streams of this session and nothing else; ends with it. */
  readonly token: string
  readonly protocol: string
  readonly database: string
  readonly until: string
}

/** `POST /v1/sessions/{id}/control` answers with one of these a line, for as long as the CLI holds the session. */
export type ControlMessage =
  | { readonly kind: 'attached' }
  | { readonly kind: 'notice'; readonly message: string }
  | { readonly kind: 'ended'; readonly reason: string; readonly message: string; readonly hint?: string }

/** `GET /v1/sessions` */
export interface SessionView {
  readonly id: string
  readonly principal: string
  readonly connection: string
  readonly role: string
  readonly protocol: string
  readonly startedAt: string
  readonly endedAt?: string
  readonly endReason?: string
  readonly operations: number
  readonly refused: number
  /** The last link of the recording's hash chain, once the session has ended. */
  readonly head?: string
}

/** `GET /v1/notifications`, for auditors: what people were told of questions, newest first. */
export interface NotificationView {
  /** The receiver of a webhook knows it as `webhook-id`. */
  readonly id: string
  readonly channel: string
  readonly event: 'asked' | 'ended' | 'more'
  readonly review: string
  /** `dropped`: of no use any more when its turn came. */
  readonly state: 'waiting' | 'delivered' | 'failed' | 'dropped'
  readonly attempts: number
  /** Of the last try. */
  readonly error?: string
  readonly createdAt: string
  /** When the next try comes. */
  readonly dueAt?: string
  readonly doneAt?: string
}

/** `POST /v1/agents/enroll` */
export interface AgentEnrollment {
  readonly name: string
  readonly token: string
  /** Ed25519 public key, SPKI in base64. */
  readonly publicKey: string
}
