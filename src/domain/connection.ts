import type { MaskingMode } from './masking-rule.js'
import type { AgentName, ConnectionName, RoleName } from './names.js'

/** The wire protocols that the gateway reads. A new one is added here and in `src/protocols/registry.ts`. */
export type ProtocolName = 'postgres'

/** Reads a protocol's name. The only place a string becomes a `ProtocolName`. */
export function readProtocolName(text: string): ProtocolName | undefined {
  return text === 'postgres' ? text : undefined
}

/** A reference to a secret; the configuration never holds one, unless it says `literal:`. */
export type SecretReference =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'literal'; readonly value: string }

/**
 * How the gateway's connection to the target is protected. `require` encrypts, `verify-full` also checks who answers.
 * `direct` begins with the TLS handshake, for routers that go by the name in it; otherwise the protocol asks first.
 */
export type TargetTls =
  | { readonly mode: 'disable' }
  | { readonly mode: 'require'; readonly negotiation?: 'direct' }
  | {
      readonly mode: 'verify-full'
      readonly caFile?: string
      readonly serverName?: string
      readonly negotiation?: 'direct'
    }

/** What a person uses a connection as, and the account at the target behind it. */
export interface Role {
  readonly name: RoleName
  readonly credential: RoleCredential
}

/** Passwords are references until a session needs them. */
export type RoleCredential =
  /** One account at the target for every session. */
  | { readonly kind: 'static'; readonly user: string; readonly password: SecretReference }
  /** An account of each session's own, which the gateway makes and takes back with the account of the administrator. */
  | {
      readonly kind: 'ephemeral-role'
      readonly adminUser: string
      readonly adminPassword: SecretReference
      /** Roles of the target that hold the privileges; at least one. The first takes what a session leaves behind. */
      readonly memberOf: readonly string[]
    }

/** How much of the results a recording keeps for each operation. Counts are always exact. */
export interface ResultLimits {
  readonly rowsMax: number
  readonly bytesMax: number
}

/** A named target. */
export interface Connection {
  readonly name: ConnectionName
  readonly description: string | undefined
  readonly protocol: ProtocolName
  readonly host: string
  readonly port: number
  /** Reached through this agent; directly from the gateway when absent. */
  readonly agent: AgentName | undefined
  readonly tls: TargetTls
  /** The database a client gets when it names none. */
  readonly database: string
  /** Globs of the databases a client may name. Holds at least `database`. */
  readonly databases: readonly string[]
  readonly roles: readonly Role[]
  /** How far masking goes here. */
  readonly masking: MaskingMode
  readonly results: ResultLimits
  readonly limits: ConnectionLimits
}

/** Limits of one session on a connection. */
export interface ConnectionLimits {
  /** Client connections at once in one session. */
  readonly clientConnectionsMax: number
  /** The largest statement that is read; a larger one is refused. */
  readonly statementBytesMax: number
  /** A session in which nothing is in flight for this long ends. */
  readonly idleTimeoutMs: number
}
