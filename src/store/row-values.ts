import type { ConnectionName, RoleName, RuleName } from '../domain/names.js'
import { readConnectionName, readRoleName, readRuleName } from '../domain/names.js'
import type { Principal } from '../domain/principal.js'
import { HoopError } from '../lib/hoop-error.js'
import type { PrincipalColumns } from './schema.js'

/** Characters of free text (a reason, a user name, a subject) that are kept; what is longer ends in an ellipsis. */
const TEXT_LENGTH_MAX = 4096

/**
 * Text as both databases can hold it: PostgreSQL refuses NUL and lone surrogates, and a text that cannot be stored would
 * let somebody keep an access decision out of the audit log by choosing a user name.
 */
export function storableText(text: string): string {
  const clipped = text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX - 1)}…` : text
  return Buffer.from(clipped.replaceAll('\0', '\uFFFD'), 'utf8').toString('utf8')
}

/** As `storableText`, with NULL for what is not there. */
export function storableOrNull(text: string | undefined): string | null {
  return text === undefined ? null : storableText(text)
}

/** The columns that name a principal. */
export function principalColumns(principal: Principal): PrincipalColumns {
  return {
    issuer: principal.issuer,
    subject: principal.subject,
    name: storableText(principal.name),
    groups: JSON.stringify(principal.groups),
    person: storableOrNull(principal.person),
    manager: storableOrNull(principal.manager),
  }
}

/** The principal that a row names. */
export function readPrincipal(row: PrincipalColumns): Principal {
  const groups: unknown = parseJson(row.groups, 'groups')
  if (!Array.isArray(groups) || !groups.every(group => typeof group === 'string')) throw damaged('groups')
  const { issuer, subject, name, person, manager } = row
  return {
    issuer,
    subject,
    name,
    groups,
    ...(person === null ? {} : { person }),
    ...(manager === null ? {} : { manager }),
  }
}

/** A time as it was stored. */
export function readTime(text: string, column: string): Date {
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) throw damaged(column)
  return time
}

/** A time that may be absent. */
export function readTimeOrUndefined(text: string | null, column: string): Date | undefined {
  return text === null ? undefined : readTime(text, column)
}

/** The three names that grants and sessions share, checked again: a row edited by hand must not become a proof. */
export function readNames(row: { readonly connection: string; readonly role: string }): {
  readonly connection: ConnectionName
  readonly role: RoleName
} {
  return {
    connection: present(readConnectionName(row.connection), 'connection'),
    role: present(readRoleName(row.role), 'role'),
  }
}

/** The name of a rule in a row. */
export function readRule(text: string): RuleName {
  return present(readRuleName(text), 'rule')
}

/** JSON of a column. */
export function parseJson(text: string, column: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw damaged(column, cause)
  }
}

/** The value, or the error that a row is not what this program wrote. */
export function present<Value>(value: Value | undefined, column: string): Value {
  if (value === undefined) throw damaged(column)
  return value
}

function damaged(column: string, cause?: unknown): HoopError {
  return new HoopError(
    'store_unavailable',
    `Cannot read the store: a row has an unknown value in column "${column}"`,
    {
      cause,
    },
  )
}
