import type { Catalog } from '../domain/catalog.js'
import type { RandomBytes, SessionId } from '../domain/ids.js'
import type { RoleName, RuleName } from '../domain/names.js'
import type { CatalogReader } from './protocol.js'

/** One row of an answer to a text of the gateway's own. */
export type Cells = readonly (string | null)[]

/** One thing that a procedure wants done at the target. Nothing of a client is part of a text (invariant 9). */
export type RoleEffect =
  /** Ask this text on a connection of the gateway's own to this database, as one transaction. */
  | {
      readonly kind: 'ask'
      readonly database: string
      readonly text: string
      /** Values for `$1`, `$2`, …; the text is then one statement. */
      readonly parameters?: readonly string[]
    }
  /** Read what this database is made of. */
  | { readonly kind: 'catalog'; readonly database: string; readonly reader: CatalogReader }
  | { readonly kind: 'pause'; readonly ms: number }

/** What came of an effect. A pause gives no rows, and a catalog comes without any. A connection that fails ends the procedure instead. */
export type RoleAnswer =
  | { readonly kind: 'rows'; readonly rows: readonly Cells[]; readonly catalog?: Catalog }
  | { readonly kind: 'refused'; readonly message: string }

/** A sequence of effects without I/O: whoever drives it performs each one and hands back what came of it. */
export type RoleProcedure<Outcome> = Generator<RoleEffect, Outcome, RoleAnswer>

/** Why a procedure did not reach its end, half a sentence, and what can be done. */
export interface RoleFailure {
  readonly kind: 'failed'
  readonly reason: string
  readonly hint?: string
}

/** What the gateway writes on a role it makes. Only a role that carries exactly this is ever taken back. */
export interface RoleTag {
  /** The gateway that made it. */
  readonly owner: string
  readonly session: SessionId
  /** The role in `hoop.yaml` that it was made for. */
  readonly role: RoleName
  /** The end of the grant. */
  readonly until: Date
}

/** A role that lives as long as a session. */
export interface NewRole extends RoleTag {
  /** Where the gateway signs in to make it. */
  readonly database: string
  /** The roles of the target that it becomes a member of; the first one takes what it leaves behind. */
  readonly memberOf: readonly string[]
  readonly connectionsMax: number
  readonly password: string
  readonly randomBytes: RandomBytes
}

/** What to take back, and from where. */
export interface OldRole {
  readonly name: string
  readonly database: string
  /** Who takes what the role owns, the first that can; only roles that it is a member of are asked. */
  readonly heirs: readonly string[]
}

/** A column that a role must have no privilege to read. */
export interface ForbiddenColumn {
  /** The relation's OID. */
  readonly oid: number
  /** The attribute number. */
  readonly number: number
  readonly rule: RuleName
}

/** What a role is looked at for before it is used. */
export interface RoleCheck {
  readonly name: string
  /** Where the gateway signs in first. */
  readonly database: string
  /** Whether a session may use a database of this name. */
  readonly offers: (database: string) => boolean
  readonly forbidden: (catalog: Catalog) => readonly ForbiddenColumn[]
}

/** How roles that live as long as a session are made and taken back at a target. */
export interface EphemeralRoleProcedures {
  /** The account's name for a session. */
  nameFor(session: SessionId): string
  /** All of it in one transaction of the target, or nothing. */
  make(role: NewRole): RoleProcedure<{ readonly kind: 'made' } | RoleFailure>
  /** Fails where the role can read, by itself or as a role it can become, what it must not: with what, and what helps. */
  check(check: RoleCheck): RoleProcedure<{ readonly kind: 'checked' } | RoleFailure>
  /** Every step can be repeated: after a failure anywhere, running it again goes on. */
  drop(role: OldRole): RoleProcedure<{ readonly kind: 'dropped' } | { readonly kind: 'absent' } | RoleFailure>
  /** Every role at the target that carries a tag. */
  list(
    database: string,
  ): RoleProcedure<{ readonly kind: 'listed'; readonly tags: readonly RoleTag[] } | RoleFailure>
  /** What a connection of the gateway's own is opened with. */
  readonly settings: Readonly<Record<string, string>>
  /** Asks one text on such a connection; with values for its parameters, one statement. */
  ask(text: string, parameters?: readonly string[]): RoleQuery
}

/** One text of the gateway's own and what comes back, without I/O. */
export interface RoleQuery {
  readonly bytes: Buffer
  fromTarget(chunk: Buffer): readonly RoleQueryEvent[]
}

/** What comes back, in order; `done` and `failed` are the last. */
export type RoleQueryEvent =
  | { readonly kind: 'row'; readonly cells: Cells }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly message: string }
