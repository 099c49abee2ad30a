import type {
  Cells,
  ForbiddenColumn,
  RoleAnswer,
  RoleCheck,
  RoleFailure,
  RoleProcedure,
} from '../role-procedure.js'
import { readCatalog } from './catalog.js'
import { quoteName } from './ephemeral-role-sql.js'
import { nameArray } from './own-query.js'

/** Databases of one target that are looked at; a session that may use more of them does not start. */
const DATABASES_MAX = 32
/** Databases of one target that are listed. */
const LISTED_MAX = 5_000
/** Columns that the reason names. */
const TOLD_MAX = 5
/** Letters of a name in the reason. PostgreSQL's own limit is 63 bytes. */
const NAME_LETTERS_MAX = 63
/** Nobody compares this snapshot with another one. */
const VERSION = 0

type Checked = { readonly kind: 'checked' } | RoleFailure

/** Where the role may sign in. */
const DATABASES = `SELECT d.datname FROM pg_catalog.pg_database AS d
WHERE d.datallowconn AND pg_catalog.has_database_privilege(($1::pg_catalog.name[])[1], d.oid, 'CONNECT')
ORDER BY d.datname LIMIT ${LISTED_MAX + 1}`

/**
 * Which of the columns the role can read. INVARIANT: whatever it is a member of counts, also without INHERIT, because SET
 * ROLE or ADMIN OPTION gets it there; so does an owner, who can grant to itself. Whether a schema may be used does not
 * count: there are ways around. A view that asks for its reader's privileges (`security_invoker`) shows nothing by
 * itself. PostgreSQL manual, sections 5.8, 9.27 and 21.3.
 */
const READABLE = `WITH RECURSIVE reach (role) AS (
  SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = ($1::pg_catalog.name[])[1]
  UNION SELECT m.roleid FROM pg_catalog.pg_auth_members AS m JOIN reach ON m.member = reach.role)
SELECT c.oid::pg_catalog.text, a.attnum::pg_catalog.text, n.nspname, c.relname, a.attname, through.name, through.how,
  pg_catalog.count(*) OVER ()::pg_catalog.text
FROM ROWS FROM (pg_catalog.unnest($2::pg_catalog.oid[]), pg_catalog.unnest($3::pg_catalog.int2[]))
    AS asked (relation, number)
  JOIN pg_catalog.pg_class AS c ON c.oid = asked.relation
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = asked.number AND NOT a.attisdropped
  CROSS JOIN LATERAL (
    SELECT grantees.list FROM (SELECT ARRAY(
      SELECT x.grantee FROM pg_catalog.aclexplode(c.relacl || a.attacl) AS x WHERE x.privilege_type = 'SELECT'
    ) AS list) AS grantees) AS granted
  CROSS JOIN LATERAL (
    SELECT CASE WHEN 0 = ANY (granted.list) THEN 'PUBLIC' ELSE r.rolname END,
      CASE WHEN 0 = ANY (granted.list) THEN 'public' WHEN r.oid = c.relowner THEN 'owner'
        WHEN r.oid = ANY (granted.list) THEN 'grant' ELSE 'member' END
    FROM reach JOIN pg_catalog.pg_roles AS r ON r.oid = reach.role
    WHERE r.oid = c.relowner OR pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'SELECT')
    ORDER BY r.oid = c.relowner DESC, r.oid = ANY (granted.list) DESC, r.rolname = 'pg_read_all_data' DESC, r.rolname
    LIMIT 1) AS through (name, how)
WHERE NOT (c.relkind = 'v' AND EXISTS (
  SELECT FROM pg_catalog.pg_options_to_table(c.reloptions) AS o
  WHERE o.option_name = 'security_invoker' AND o.option_value::pg_catalog.bool))
ORDER BY n.nspname, c.relname, a.attnum
LIMIT ${TOLD_MAX}`

/**
 * Looks at what the role of a session can read, in every database that the session may use. INVARIANT: what cannot be
 * looked at counts as readable: the outcome is then a failure too.
 */
export function* checkEphemeralRole(check: RoleCheck): RoleProcedure<Checked> {
  const { name, database } = check
  const listed = yield { kind: 'ask', database, text: DATABASES, parameters: [nameArray([name])] }
  if (listed.kind === 'refused') return unknown('the databases cannot be listed', listed)
  if (listed.rows.length > LISTED_MAX) return tooMany(LISTED_MAX)
  const others = listed.rows.flatMap(([other]) => other ?? []).filter(other => other !== database)
  const offered = others.filter(check.offers)
  if (offered.length >= DATABASES_MAX) return tooMany(DATABASES_MAX)
  for (const one of [database, ...offered]) {
    const failure = yield* checkIn(one, check)
    if (failure !== undefined) return failure
  }
  return { kind: 'checked' }
}

function* checkIn(database: string, { name, forbidden }: RoleCheck): RoleProcedure<RoleFailure | undefined> {
  const read = yield { kind: 'catalog', database, reader: readCatalog(VERSION) }
  if (read.kind === 'refused') return unknown(`of database "${plain(database)}"`, read)
  if (read.catalog === undefined) return { kind: 'failed', reason: 'nobody knows what it can read' }
  const columns = forbidden(read.catalog)
  if (columns.length === 0) return undefined
  const parameters = [
    nameArray([name]),
    `{${columns.map(({ oid }) => oid).join(',')}}`,
    `{${columns.map(({ number }) => number).join(',')}}`,
  ]
  const found = yield { kind: 'ask', database, text: READABLE, parameters }
  if (found.kind === 'refused') return unknown(`what it can read in database "${plain(database)}"`, found)
  const [first] = found.rows
  return first === undefined ? undefined : readable({ database, first, rows: found.rows, columns })
}

interface Found {
  readonly database: string
  readonly first: Cells
  readonly rows: readonly Cells[]
  readonly columns: readonly ForbiddenColumn[]
}

function readable({ database, first, rows, columns }: Found): RoleFailure {
  const [oid, number, schema, relation, , through, how, count] = first
  const rule = columns.find(one => String(one.oid) === oid && String(one.number) === number)?.rule
  const told = rows.map(([, , ...names]) => names.slice(0, 3).map(plain).join('.'))
  const more = Number(count) - told.length
  const list = `${told.map(one => `"${one}"`).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  const whose = how === 'public' ? 'PUBLIC' : quoteName(plain(through))
  const table = [schema, relation].map(part => quoteName(plain(part))).join('.')
  return {
    kind: 'failed',
    reason: `rule "${rule}" is strong, and through ${whose} the role can read ${list} in database "${plain(database)}"`,
    hint: `at the target: ${remedy({ how, whose, table })}`,
  }
}

function remedy({
  how,
  whose,
  table,
}: {
  readonly how: string | null | undefined
  readonly whose: string
  readonly table: string
}): string {
  if (how === 'owner') return `ALTER TABLE ${table} OWNER TO a role that no session is a member of`
  if (how === 'member') return `REVOKE ${whose} from the roles that are members of it`
  return `REVOKE SELECT ON ${table} FROM ${whose}; GRANT SELECT (other, columns) ON ${table} TO ${whose}`
}

/** Names of the target's own are not trusted: they end up on a screen. */
function plain(name: string | null | undefined): string {
  return (name ?? '').replace(/\p{C}+/gu, ' ').slice(0, NAME_LETTERS_MAX)
}

function tooMany(max: number): RoleFailure {
  return {
    kind: 'failed',
    reason: `what it can read is not looked at in more than ${max} databases`,
    hint: 'name fewer in "databases" of the connection',
  }
}

function unknown(what: string, { message }: Extract<RoleAnswer, { kind: 'refused' }>): RoleFailure {
  return { kind: 'failed', reason: `nobody knows what it can read: ${what}: ${message}` }
}
