import type { Cells, OldRole, RoleAnswer, RoleEffect, RoleFailure, RoleProcedure } from '../role-procedure.js'
import { quoteName, quoteText } from './ephemeral-role-sql.js'
import { readTag, sessionOfRole } from './ephemeral-role-tag.js'

/** Looks at whether the role's backends are gone: together a bit over five seconds. */
const LOOKS_MAX = 60
/** Short at first: a backend that is told to end mostly has by the next look. */
const PAUSE_MIN_MS = 5
const PAUSE_MAX_MS = 100

type Dropped = { readonly kind: 'dropped' } | { readonly kind: 'absent' } | RoleFailure

/**
 * Takes a role back: no new sign-in, no backend left, what it owns to a group of its own, its privileges away in every
 * database that knows of any, then the role. Each step is a transaction that can be repeated, so that after a crash
 * between any two of them the whole is simply run again.
 */
export function* dropEphemeralRole(role: OldRole): RoleProcedure<Dropped> {
  const ask = (text: string, database = role.database): RoleEffect => ({ kind: 'ask', database, text })
  const found = yield ask(search(role.name))
  if (found.kind === 'refused') return refused('it cannot be looked for', found)
  const [row] = found.rows
  if (row === undefined) return { kind: 'absent' }
  const oid = readOid(role.name, row)
  if (oid === undefined) return failed('it does not carry the tag of a role that the gateway made')
  const disabled = yield ask(disabling(role.name))
  if (disabled.kind === 'refused') return refused('its sign-in cannot be switched off', disabled)
  const left = yield* endBackends(role, oid)
  if (left !== undefined) return left
  const holdings = yield ask(holdingsOf(role.name, oid))
  if (holdings.kind === 'refused') return refused('what it holds cannot be looked at', holdings)
  const kept = yield* giveAway(role, holdings.rows)
  if (kept !== undefined) return kept
  // Who was signing in when the sign-in was switched off is seen by now.
  const late = yield* endBackends(role, oid)
  if (late !== undefined) return late
  const dropped = yield ask(`DROP ROLE IF EXISTS ${quoteName(role.name)}`)
  return dropped.kind === 'refused' ? refused('it cannot be dropped', dropped) : { kind: 'dropped' }
}

function search(name: string): string {
  return `SELECT r.oid, pg_catalog.shobj_description(r.oid, 'pg_authid')
FROM pg_catalog.pg_roles AS r WHERE r.rolname = ${quoteText(name)}
  AND NOT (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls)`
}

/** INVARIANT: a role without exactly our tag is not touched. */
function readOid(name: string, [oid, comment]: Cells): string | undefined {
  const isOurs = sessionOfRole(name) !== undefined && readTag(name, comment ?? '') !== undefined
  return isOurs && /^[1-9]\d{0,9}$/.test(oid ?? '') ? (oid ?? undefined) : undefined
}

/** Membership is what lets the gateway's account end the role's backends and give away what it owns. */
function disabling(name: string): string {
  return `ALTER ROLE ${quoteName(name)} NOLOGIN PASSWORD NULL; GRANT ${quoteName(name)} TO CURRENT_USER`
}

/** Who signed in counts, not who the backend has become: SET ROLE does not hide it. Undefined when none is left. */
function* endBackends(role: OldRole, oid: string): RoleProcedure<RoleFailure | undefined> {
  const { database } = role
  const text = `SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity AS a WHERE a.usesysid = ${oid}`
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const ended = yield { kind: 'ask', database, text }
    if (ended.kind === 'refused') return refused('its backends cannot be ended', ended)
    if (ended.rows.length === 0) return undefined
    yield { kind: 'pause', ms: Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** look) }
  }
  return failed('its backends do not end')
}

/** What stands between the role and its end. `pg_shdepend` knows every database, also those of a crashed session. */
function holdingsOf(name: string, oid: string): string {
  const mine = `s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND s.refobjid = ${oid}`
  return `SELECT DISTINCT 'heir', g.rolname, '' FROM pg_catalog.pg_auth_members AS m
  JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid WHERE m.member = ${oid}
UNION ALL SELECT 'prepared', p.database, '' FROM pg_catalog.pg_prepared_xacts AS p WHERE p.owner = ${quoteText(name)}
UNION ALL SELECT 'holds', coalesce(d.datname, pg_catalog.current_database()), max(
    CASE s.deptype WHEN 'o' THEN 'owns' ELSE '' END)
  FROM pg_catalog.pg_shdepend AS s LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
  WHERE ${mine} GROUP BY 2`
}

/** In every database, what the role owns to an heir, then its privileges away. Undefined when all of it went well. */
function* giveAway(role: OldRole, rows: readonly Cells[]): RoleProcedure<RoleFailure | undefined> {
  const prepared = rows.find(([kind]) => kind === 'prepared')
  if (prepared !== undefined) {
    return failed(
      `it left a prepared transaction in database "${prepared[1]}", which only a superuser can end`,
      `at the target: SELECT gid, database FROM pg_prepared_xacts WHERE owner = ${quoteText(role.name)}, then ROLLBACK PREPARED`,
    )
  }
  const heirs = orderHeirs(role.heirs, rows)
  for (const [, database, owns] of rows.filter(([kind]) => kind === 'holds')) {
    const kept = yield* giveAwayIn(database ?? '', { role, heirs: owns === 'owns' ? heirs : undefined })
    if (kept !== undefined) return kept
  }
  return undefined
}

/**
 * INVARIANT: an heir is a role that this one was a member of, so nothing it made gains a privilege by changing hands: a
 * view or a SECURITY DEFINER function that became the gateway's own account's would run with that account's.
 */
function orderHeirs(wanted: readonly string[], rows: readonly Cells[]): readonly string[] {
  const members = rows.filter(([kind]) => kind === 'heir').map(([, name]) => name ?? '')
  const first = wanted.filter(name => members.includes(name))
  return [...first, ...members.filter(name => !first.includes(name)).sort()]
}

/** `heirs` is undefined where nothing is owned. What cannot be given away is kept: it is somebody's work. */
function* giveAwayIn(
  database: string,
  { role, heirs }: { readonly role: OldRole; readonly heirs: readonly string[] | undefined },
): RoleProcedure<RoleFailure | undefined> {
  const name = quoteName(role.name)
  const release = `DROP OWNED BY ${name}`
  const texts = heirs?.map(heir => `REASSIGN OWNED BY ${name} TO ${quoteName(heir)}; ${release}`) ?? [release]
  let last: RoleAnswer | undefined
  for (const text of texts) {
    last = yield { kind: 'ask', database, text }
    if (last.kind === 'rows') return undefined
  }
  const why = last?.kind === 'refused' ? last.message : 'it is a member of no role that could take it'
  return failed(`what it holds in database "${database}" cannot be given away: ${why}`)
}

function refused(what: string, { message }: Extract<RoleAnswer, { kind: 'refused' }>): RoleFailure {
  return failed(`${what}: ${message}`)
}

function failed(reason: string, hint?: string): RoleFailure {
  return { kind: 'failed', reason, ...(hint === undefined ? {} : { hint }) }
}
