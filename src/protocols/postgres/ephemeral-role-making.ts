import type { Cells, NewRole, RoleFailure, RoleProcedure } from '../role-procedure.js'
import { quoteName, quoteText, quoteTexts, scramVerifier } from './ephemeral-role-sql.js'
import { roleNameFor, spellTag } from './ephemeral-role-tag.js'

/** From this version on, who may make roles may not thereby give away membership in others. */
const ADMIN_OPTION_VERSION = 160_000
/** Roles that PostgreSQL itself has, and whose members own the machine it runs on. */
const SERVER_ROLES = ['pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files']

/**
 * Makes the role of a session: asks whether it can be, then makes all of it in one transaction. A role that may become
 * another one has that one's attributes for the asking, so everything within reach of the groups counts.
 */
export function* makeEphemeralRole(role: NewRole): RoleProcedure<{ readonly kind: 'made' } | RoleFailure> {
  const { database } = role
  const inspected = yield { kind: 'ask', database, text: inspection(role.memberOf) }
  if (inspected.kind === 'refused') return failed(`it cannot be looked at first: ${inspected.message}`)
  const obstacle = findObstacle(role.memberOf, inspected.rows)
  if (obstacle !== undefined) return obstacle
  const made = yield { kind: 'ask', database, text: creation(role) }
  return made.kind === 'refused' ? failed(`the target said: ${made.message}`) : { kind: 'made' }
}

/** One text whose rows begin with what they speak of: `server`, `group` or `reach`. */
function inspection(groups: readonly string[]): string {
  const names = quoteTexts(groups)
  return `SELECT 'server', pg_catalog.pg_is_in_recovery()::pg_catalog.text,
    pg_catalog.current_setting('server_version_num'), r.rolsuper::pg_catalog.text,
    r.rolcreaterole::pg_catalog.text, r.rolinherit::pg_catalog.text, r.rolname
  FROM pg_catalog.pg_roles AS r WHERE r.rolname = CURRENT_USER;
SELECT 'group', g.rolname, pg_catalog.pg_has_role(CURRENT_USER, g.oid, 'MEMBER WITH ADMIN OPTION')::pg_catalog.text
  FROM pg_catalog.pg_roles AS g WHERE g.rolname IN (${names});
WITH RECURSIVE reach (role) AS (
  SELECT g.oid FROM pg_catalog.pg_roles AS g WHERE g.rolname IN (${names})
  UNION SELECT m.roleid FROM pg_catalog.pg_auth_members AS m JOIN reach ON m.member = reach.role)
SELECT 'reach', r.rolname FROM reach JOIN pg_catalog.pg_roles AS r ON r.oid = reach.role
  WHERE r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
    OR r.rolname IN (${quoteTexts(SERVER_ROLES)})
  ORDER BY r.rolname LIMIT 1`
}

function findObstacle(groups: readonly string[], rows: readonly Cells[]): RoleFailure | undefined {
  const [, inRecovery, version, isSuper, createsRoles, inherits, admin] =
    rows.find(([kind]) => kind === 'server') ?? []
  if (inRecovery !== 'false')
    return failed(
      'the target is a replica or is in recovery, and only reads',
      'give the connection the address of the primary, or the role a fixed user and password',
    )
  const account = `account "${admin}"`
  if (isSuper !== 'true' && createsRoles !== 'true')
    return failed(
      `${account} may not make roles`,
      `at the target: ALTER ROLE ${quoteName(admin ?? '')} CREATEROLE`,
    )
  if (isSuper !== 'true' && inherits !== 'true')
    return failed(
      `${account} does not inherit, and could not take back what it makes`,
      `at the target: ALTER ROLE ${quoteName(admin ?? '')} INHERIT`,
    )
  const needsAdminOption = isSuper !== 'true' && Number(version) >= ADMIN_OPTION_VERSION
  const known = new Map(rows.filter(([kind]) => kind === 'group').map(([, name, option]) => [name, option]))
  // What a group leads to comes before the right to give it away: nobody is to be told to give away a superuser.
  return (
    findMissingGroup(groups, known) ??
    findReachObstacle(rows.find(([kind]) => kind === 'reach')) ??
    (needsAdminOption ? findMissingOption(groups, { known, admin: admin ?? '' }) : undefined)
  )
}

/** Whether the account has ADMIN OPTION, by the group's name. */
type KnownGroups = ReadonlyMap<string | null | undefined, string | null | undefined>

function findMissingGroup(groups: readonly string[], known: KnownGroups): RoleFailure | undefined {
  const missing = groups.find(group => !known.has(group))
  if (missing === undefined) return undefined
  return failed(
    `there is no role "${missing}" at the target to make it a member of`,
    `at the target: CREATE ROLE ${quoteName(missing)} NOLOGIN`,
  )
}

function findMissingOption(
  groups: readonly string[],
  { known, admin }: { readonly known: KnownGroups; readonly admin: string },
): RoleFailure | undefined {
  const missing = groups.find(group => known.get(group) !== 'true')
  if (missing === undefined) return undefined
  return failed(
    `account "${admin}" has no ADMIN OPTION on role "${missing}"`,
    `at the target: GRANT ${quoteName(missing)} TO ${quoteName(admin)} WITH ADMIN OPTION`,
  )
}

/** INVARIANT: nothing within reach is more than an ephemeral role may be. */
function findReachObstacle(found: Cells | undefined): RoleFailure | undefined {
  if (found === undefined) return undefined
  return failed(
    `its groups lead to role "${found[1]}", which is a superuser, makes roles or databases, replicates, bypasses row security or reaches the server's files`,
    'name groups in "member_of" that hold privileges on tables and nothing else',
  )
}

/** One transaction: there is never a role without its tag, its end or its groups. */
function creation(role: NewRole): string {
  const name = quoteName(roleNameFor(role.session))
  const verifier = quoteText(scramVerifier(role.password, role.randomBytes))
  return `CREATE ROLE ${name} LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  CONNECTION LIMIT ${Math.trunc(role.connectionsMax)} VALID UNTIL ${quoteText(role.until.toISOString())}
  PASSWORD ${verifier};
COMMENT ON ROLE ${name} IS ${quoteText(spellTag(role))};
GRANT ${role.memberOf.map(quoteName).join(', ')} TO ${name};
GRANT ${name} TO CURRENT_USER`
}

function failed(reason: string, hint?: string): RoleFailure {
  return { kind: 'failed', reason, ...(hint === undefined ? {} : { hint }) }
}
