import type { ApprovalTerms } from '../domain/approval.js'
import type { Connection, SecretReference } from '../domain/connection.js'
import type { MaskingRule } from '../domain/masking-rule.js'
import type { AgentName, RuleName } from '../domain/names.js'
import type { NotificationChannel } from '../domain/notification.js'
import type { AccessRule } from '../policy/access.js'
import type { PolicyRule } from '../policy/rule.js'

export type { AccessRule } from '../policy/access.js'
export type { PolicyRule as StatementRule } from '../policy/rule.js'

/** The whole of `hoop.yaml`, checked. Durations are milliseconds, sizes bytes, paths absolute. */
export interface Config {
  /** SHA-256 of the file, hexadecimal: names the policy in recordings and the log. */
  readonly digest: string
  readonly listen: {
    readonly host: string
    readonly port: number
    readonly certFile: string
    readonly keyFile: string
  }
  /** How the outside reaches the gateway: `https://gateway.example.com`. */
  readonly publicUrl: string
  /** Keys, the embedded store and, unless configured, the recordings. */
  readonly dataDirectory: string
  readonly store:
    | { readonly kind: 'sqlite'; readonly file: string }
    | { readonly kind: 'postgres'; readonly url: SecretReference }
  readonly recordings: { readonly directory: string }
  readonly identity: IdentityProvider
  /** How long the gateway's own access token lives. */
  readonly tokenLifetimeMs: number
  readonly agents: readonly { readonly name: AgentName; readonly enrollmentToken: SecretReference }[]
  readonly connections: readonly Connection[]
  /** What it takes to approve something; rules that need one hold its terms. */
  readonly approvals: readonly ApprovalTerms[]
  readonly access: readonly AccessRule[]
  readonly statements: readonly PolicyRule[]
  /** Shipped statement rules that this configuration turns off, by name. */
  readonly defaultRulesOff: readonly RuleName[]
  /** What becomes of a command that no statement rule speaks of. */
  readonly statementDefault: 'allow' | 'deny'
  readonly masking: {
    readonly hashKey: SecretReference | undefined
    readonly rules: readonly ScopedMaskingRule[]
  }
  /** Groups whose members may list, read and export every session. */
  readonly auditors: readonly string[]
  /** Where people are told of questions that wait for them. */
  readonly notify: readonly NotificationChannel[]
}

/** An OpenID provider and how its claims become a principal. */
export interface IdentityProvider {
  readonly issuer: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly claims: {
    readonly name: string
    readonly groups: string
    /** The same for every account of one person. */
    readonly person?: string | undefined
    /** The subject or the name of the person's manager. */
    readonly manager?: string | undefined
  }
  /** Trusted beside the system's authorities, for a provider with a private one. */
  readonly caFile: string | undefined
}

/** A masking rule with where it applies and whom it spares. */
export interface ScopedMaskingRule {
  readonly rule: MaskingRule
  /** Globs of connection names. */
  readonly connections: readonly string[]
  /** Members of these groups see the values. */
  readonly exceptGroups: readonly string[]
}

/** The whole of `agent.yaml`, checked. */
export interface AgentConfig {
  readonly name: AgentName
  readonly gateway: string
  readonly caFile: string | undefined
  /** Where the agent's own key is kept, mode 0600. */
  readonly dataDirectory: string
  readonly enrollmentToken: SecretReference | undefined
  /** `host:port`; the only addresses the agent will ever dial. Globs in the host. */
  readonly allow: readonly { readonly host: string; readonly port: number }[]
}
