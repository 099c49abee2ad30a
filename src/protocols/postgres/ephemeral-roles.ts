import type { EphemeralRoleProcedures, RoleFailure, RoleProcedure, RoleTag } from '../role-procedure.js'
import { checkEphemeralRole } from './ephemeral-role-check.js'
import { dropEphemeralRole } from './ephemeral-role-dropping.js'
import { makeEphemeralRole } from './ephemeral-role-making.js'
import { ROLE_CONNECTION_SETTINGS } from './ephemeral-role-sql.js'
import { readTag, roleNameFor } from './ephemeral-role-tag.js'
import { OwnQuery } from './own-query.js'
import { SimpleQuery } from './simple-query.js'

/** Roles looked at in one go; those beyond it are there the next time. */
const ROLES_LISTED_MAX = 1000

/** PostgreSQL's roles that live as long as a session. Works from PostgreSQL 12 on. */
export const ephemeralRoles: EphemeralRoleProcedures = {
  nameFor: roleNameFor,
  make: makeEphemeralRole,
  check: checkEphemeralRole,
  drop: dropEphemeralRole,
  list: listEphemeralRoles,
  settings: ROLE_CONNECTION_SETTINGS,
  ask: (text, parameters) =>
    parameters === undefined ? new SimpleQuery(text) : new OwnQuery({ text, parameters }),
}

function* listEphemeralRoles(
  database: string,
): RoleProcedure<{ readonly kind: 'listed'; readonly tags: readonly RoleTag[] } | RoleFailure> {
  const text = `SELECT r.rolname, pg_catalog.shobj_description(r.oid, 'pg_authid') FROM pg_catalog.pg_roles AS r
WHERE r.rolname ~ '^hoop_[0-9a-z]{16}$' ORDER BY r.rolname LIMIT ${ROLES_LISTED_MAX}`
  const answer = yield { kind: 'ask', database, text }
  if (answer.kind === 'refused')
    return { kind: 'failed', reason: `the roles cannot be listed: ${answer.message}` }
  const tags = answer.rows.flatMap(([name, comment]) => readTag(name ?? '', comment ?? '') ?? [])
  return { kind: 'listed', tags }
}
