import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PostgresServer } from '../setup/postgres.js'
import {
  ADMIN_PASSWORD,
  type FixtureOptions,
  leftAt,
  makeRoles,
  startRoleServer,
} from './credentials-fixture.js'

let server: PostgresServer

beforeAll(async () => {
  server = await startRoleServer()
  await server.sql(
    'postgres',
    `CREATE ROLE plain LOGIN PASSWORD '${ADMIN_PASSWORD}';
     CREATE ROLE aloof LOGIN CREATEROLE NOINHERIT PASSWORD '${ADMIN_PASSWORD}';
     CREATE ROLE "Odd ""group""; DROP TABLE customers; --" NOLOGIN;
     DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN
       GRANT "Odd ""group""; DROP TABLE customers; --" TO role_maker WITH ADMIN OPTION; END IF; END $$;
     CREATE ROLE gods SUPERUSER NOLOGIN; CREATE ROLE heirs_of_gods NOLOGIN; GRANT gods TO heirs_of_gods;
     CREATE ROLE copiers REPLICATION NOLOGIN;
     CREATE ROLE role_makers NOLOGIN; GRANT role_maker TO role_makers;
     CREATE ROLE see_all BYPASSRLS NOLOGIN;
     CREATE ROLE shell NOLOGIN; GRANT pg_execute_server_program TO shell;`,
  )
})

afterAll(() => server.stop())

/** Checks why a session is not opened, and that nothing is at the target for it. */
function check(
  title: string,
  options: () => Omit<FixtureOptions, 'port'>,
  expected: { readonly message: string; readonly hint?: string },
): void {
  test(title, async () => {
    const { take, roles } = makeRoles({ port: server.port, ...options() })
    const error = await take().catch((failure: unknown) => failure)
    await roles.settled()
    expect(error).toMatchObject({ name: 'HoopError', code: 'target_refused' })
    expect(error).toMatchObject({
      message: expect.stringContaining(expected.message),
      ...(expected.hint === undefined ? {} : { hint: expect.stringContaining(expected.hint) }),
    })
    expect(await leftAt(server)).toBe('')
  })
}

const reach = (role: string) => ({
  message: `Cannot make a role for the session on "shop": its groups lead to role "${role}", which is a superuser, makes roles`,
  hint: 'name groups in "member_of" that hold privileges on tables and nothing else',
})

check('an account that may not make roles is told how it may', () => ({ admin: 'plain' }), {
  message: 'Cannot make a role for the session on "shop": account "plain" may not make roles',
  hint: 'at the target: ALTER ROLE "plain" CREATEROLE',
})
check('an account that does not inherit could not clean up, and makes nothing', () => ({ admin: 'aloof' }), {
  message: 'account "aloof" does not inherit, and could not take back what it makes',
})
check('a group that is not there is named', () => ({ memberOf: ['readers', 'raeders'] }), {
  message: 'there is no role "raeders" at the target to make it a member of',
  hint: 'at the target: CREATE ROLE "raeders" NOLOGIN',
})
check('a name that the server would cut to another one is no name', () => ({ memberOf: ['r'.repeat(64)] }), {
  message: 'there is no role "rrrr',
})
check('a group that is a superuser is refused', () => ({ memberOf: ['gods'] }), reach('gods'))
check(
  'a group behind which there is a superuser is refused',
  () => ({ memberOf: ['heirs_of_gods'] }),
  reach('gods'),
)
check('a group that replicates is refused', () => ({ memberOf: ['readers', 'copiers'] }), reach('copiers'))
check(
  "a group that leads to the gateway's account is refused",
  () => ({ memberOf: ['role_makers'] }),
  reach('role_maker'),
)
check(
  'a group that row security does not hold is refused',
  () => ({ memberOf: ['see_all'] }),
  reach('see_all'),
)
check(
  'a group that runs programs at the server is refused',
  () => ({ memberOf: ['shell'] }),
  reach('pg_execute_server_program'),
)
check('a wrong password of the account is not repeated', () => ({ adminPassword: 'wrong-secret' }), {
  message: 'Cannot open the target of "shop": it said: password authentication failed for user "role_maker"',
})

test('a name with quotes and statements in it is a name', async () => {
  const odd = 'Odd "group"; DROP TABLE customers; --'
  const { take, roles } = makeRoles({ port: server.port, memberOf: [odd] })
  const { credential } = await take()
  const members = `SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
    JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = '${credential.user}'`
  expect(await server.sql('postgres', members)).toBe(odd)
  credential.forget()
  await roles.settled()
  expect(await leftAt(server)).toBe('')
  expect(await server.sql('shop', 'SELECT count(*) FROM customers')).toBe('1')
})

test('a superuser may be the account that makes roles', async () => {
  const { take, roles } = makeRoles({
    port: server.port,
    admin: server.superuser,
    adminPassword: server.superuserPassword,
  })
  const { credential } = await take()
  credential.forget()
  await roles.settled()
  expect(await leftAt(server)).toBe('')
})

test('a target that is down is told as for every other role, and nothing is tried behind it', async () => {
  const { take, roles, lines } = makeRoles({ port: 1 })
  await expect(take()).rejects.toMatchObject({ code: 'target_unavailable' })
  await roles.settled()
  expect(lines).toEqual([])
})
