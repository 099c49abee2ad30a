import type { Decision } from './decision.js'
import type { GrantId, ReviewId, SessionId } from './ids.js'
import type { ConnectionName, RoleName, RuleName } from './names.js'
import type { Principal } from './principal.js'
import type { ReviewState } from './review-state.js'
import type { EndReason } from './session.js'

/** A value as the client saw it: text, or NULL. Binary values whose type is not decoded are `\x` and hexadecimal digits. */
export type RecordedValue = string | null

/**
 * One thing that happened in a session. `client` numbers the client connections of the session from 1, `operation` the
 * operations of the session from 1. The recorder adds the sequence number and the gateway's time.
 */
export type RecordingEvent =
  | {
      readonly kind: 'session'
      readonly session: SessionId
      readonly grant: GrantId
      readonly principal: Principal
      readonly connection: ConnectionName
      readonly role: RoleName
      readonly reason: string | undefined
      readonly address: string
      readonly until: string
      /** Digest of the configuration whose rules decided. */
      readonly policy: string
    }
  | {
      readonly kind: 'client'
      readonly client: number
      readonly database: string
      readonly application: string | undefined
    }
  | {
      /** A statement is given to the target to be parsed; the operations that run it come later, or never. */
      readonly kind: 'prepare'
      readonly client: number
      readonly statement: string
    }
  | {
      readonly kind: 'operation'
      readonly client: number
      readonly operation: number
      readonly statement: string
      /** Bind values; absent when there are none. */
      readonly values?: readonly RecordedValue[]
      readonly decision: Decision
      /** Commands and relations, for search: `SELECT`, `public.users`. */
      readonly verbs: readonly string[]
      readonly tables: readonly string[]
    }
  | {
      /** A statement waits for people, or what became of the question. Comes before the operation it is about. */
      readonly kind: 'review'
      readonly client: number
      readonly review: ReviewId
      readonly state: ReviewState
      readonly rules: readonly RuleName[]
      /** Of the statement and everything it depends on. */
      readonly digest: string
      /** The statement, once: with the question. */
      readonly statement?: string
      readonly values?: readonly RecordedValue[]
      readonly why?: string
      readonly answers?: readonly {
        readonly by: string
        readonly verdict: 'approve' | 'deny'
        readonly comment?: string
        readonly at: string
      }[]
    }
  | {
      readonly kind: 'rows'
      readonly operation: number
      /** Given once, with the first rows of a result. */
      readonly columns?: readonly string[]
      readonly rows: readonly (readonly RecordedValue[])[]
    }
  | {
      readonly kind: 'result'
      readonly operation: number
      readonly outcome: 'completed' | 'failed' | 'refused' | 'abandoned'
      /** The command tag, `SELECT 3`; absent when there was none. */
      readonly tag?: string
      readonly columns?: readonly string[]
      /** The last of the kept rows; those before came in `rows` events. */
      readonly rows?: readonly (readonly RecordedValue[])[]
      /** Exact, also where not every row was kept. */
      readonly rowCount: number
      readonly byteCount: number
      /** Names of the columns that were masked, with the rule that did it. */
      readonly masked?: readonly { readonly column: string; readonly rule: RuleName }[]
      readonly error?: { readonly code: string; readonly message: string }
    }
  | { readonly kind: 'notice'; readonly client: number; readonly severity: string; readonly message: string }
  | { readonly kind: 'cancel'; readonly client: number }
  | {
      readonly kind: 'client_end'
      readonly client: number
      readonly reason: EndReason
      readonly bytesFromClient: number
      readonly bytesToClient: number
    }
  | { readonly kind: 'end'; readonly reason: EndReason }
