import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PostgresServer } from '../setup/postgres.js'
import { leftAt, makeRoles, signIn, startRoleServer } from './credentials-fixture.js'

let server: PostgresServer

beforeAll(async () => {
  server = await startRoleServer()
})

afterAll(() => server.stop())

const ask = (text: string, database = 'shop') => server.sql(database, text)

test('a session gets a role that can do what its groups can, and nothing else', async () => {
  const { take, roles } = makeRoles({ port: server.port, memberOf: ['readers', 'writers'] })
  const lent = await take()
  const { user } = lent.credential
  expect(user).toBe(`hoop_${lent.session.id.slice(2)}`)
  const client = await signIn(lent, server)
  expect((await client.query('SELECT count(*)::int AS n FROM customers')).rows).toEqual([{ n: 1 }])
  await expect(client.query('DELETE FROM customers')).rejects.toThrow('permission denied')
  await expect(client.query('CREATE ROLE another')).rejects.toThrow('permission denied')
  await expect(client.query(`COMMENT ON ROLE ${user} IS 'nobody'`)).rejects.toThrow()
  await expect(client.query(`ALTER ROLE ${user} VALID UNTIL 'infinity'`)).rejects.toThrow('permission denied')
  const attributes = `SELECT rolcanlogin, rolinherit, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolconnlimit`
  expect(await ask(`${attributes} FROM pg_roles WHERE rolname = '${user}'`)).toBe('t|t|f|f|f|f|f|6')
  expect(
    await ask(
      `SELECT rolvaliduntil = '${lent.admission.grant.until.toISOString()}' FROM pg_roles WHERE rolname = '${user}'`,
    ),
  ).toBe('t')
  expect(await ask(`SELECT count(*) FROM pg_class WHERE relacl::text LIKE '%hoop_%'`)).toBe('0')
  lent.credential.forget()
  await roles.settled()
  expect(await leftAt(server)).toBe('')
})

test("a role's backends end with its session, also one that is busy and one that has become its group", async () => {
  const { take, roles } = makeRoles({ port: server.port })
  const lent = await take()
  const [busy, other] = await Promise.all([signIn(lent, server), signIn(lent, server, 'stock')])
  await other.query('SET ROLE readers; CREATE TEMP TABLE mine (id int)')
  const running = busy.query('SELECT pg_sleep(60)').catch((error: unknown) => error)
  const began = Date.now()
  lent.credential.forget()
  expect(await running).toMatchObject({ code: '57P01' })
  expect(Date.now() - began).toBeLessThan(1_000)
  await roles.settled()
  expect(await leftAt(server)).toBe('')
  expect(await ask("SELECT count(*) FROM pg_class WHERE relname = 'mine'", 'stock')).toBe('0')
})

test('what a session made is kept by its first group, in every database', async () => {
  const { take, roles } = makeRoles({ port: server.port, memberOf: ['readers', 'writers'] })
  const lent = await take()
  for (const database of ['shop', 'stock']) {
    const client = await signIn(lent, server, database)
    await client.query(`CREATE TABLE kept (id serial PRIMARY KEY); INSERT INTO kept DEFAULT VALUES;
      CREATE TYPE kept_kind AS ENUM ('one'); CREATE FUNCTION kept_one() RETURNS int LANGUAGE sql AS 'SELECT 1';
      ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO writers; SELECT lo_create(0);
      GRANT SELECT ON customers TO ${lent.credential.user}`)
  }
  lent.credential.forget()
  await roles.settled()
  expect(await leftAt(server)).toBe('')
  for (const database of ['shop', 'stock']) {
    const owners = `SELECT DISTINCT pg_get_userbyid(o) FROM (
      SELECT relowner FROM pg_class WHERE relname LIKE 'kept%' UNION ALL SELECT typowner FROM pg_type WHERE typname = 'kept_kind'
      UNION ALL SELECT proowner FROM pg_proc WHERE proname = 'kept_one' UNION ALL SELECT lomowner FROM pg_largeobject_metadata) AS x (o)`
    expect(await ask(owners, database)).toBe('readers')
    expect(await ask('SELECT count(*) FROM kept', database)).toBe('1')
    expect(await ask('SELECT count(*) FROM pg_default_acl', database)).toBe('0')
  }
})

test("nothing a session made gains the privileges of the gateway's account", async () => {
  await ask('CREATE TABLE secrets (id int); GRANT SELECT ON secrets TO role_maker')
  await ask('REVOKE CREATE ON SCHEMA public FROM readers; GRANT CREATE ON SCHEMA public TO writers')
  const { take, roles, lines } = makeRoles({ port: server.port, memberOf: ['readers', 'writers'] })
  const lent = await take()
  const client = await signIn(lent, server)
  // The first group may make nothing here, so that the function cannot become its own.
  await client.query(`CREATE VIEW peek AS SELECT * FROM secrets;
    CREATE FUNCTION peek_function() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM pg_class'`)
  lent.credential.forget()
  await roles.settled()
  expect(lines.filter(line => line.startsWith('error'))).toEqual([])
  expect(await ask("SELECT viewowner FROM pg_views WHERE viewname = 'peek'")).toBe('writers')
  expect(await ask("SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'peek_function'")).toBe(
    'writers',
  )
  expect(await leftAt(server)).toBe('')
  await ask('GRANT CREATE ON SCHEMA public TO readers; REVOKE CREATE ON SCHEMA public FROM writers')
})

test('what no group can take is kept with its role, which nobody can sign in with, and that is said', async () => {
  const { take, roles, lines, janitor } = makeRoles({ port: server.port })
  const lent = await take()
  const client = await signIn(lent, server)
  await client.query("CREATE FUNCTION stuck() RETURNS int LANGUAGE sql AS 'SELECT 1'")
  await ask('REVOKE CREATE ON SCHEMA public FROM readers')
  const { password } = lent.credential.secrets
  lent.credential.forget()
  await roles.settled()
  expect(lines.find(line => line.startsWith('error'))).toContain(
    'what it holds in database \\"shop\\" cannot be given away',
  )
  expect(await ask(`SELECT count(*) FROM pg_proc WHERE proname = 'stuck'`)).toBe('1')
  expect(await leftAt(server)).toBe(lent.credential.user)
  await expect(
    new pg.Client({
      host: server.host,
      port: server.port,
      user: lent.credential.user,
      password,
      database: 'shop',
    }).connect(),
  ).rejects.toThrow(/authentication failed|not permitted/)
  await ask('GRANT CREATE ON SCHEMA public TO readers')
  expect(await janitor.sweep()).toEqual({ dropped: 1, left: 0, unreachable: 0 })
  expect(await leftAt(server)).toBe('')
})

test('a prepared transaction keeps its role, which is said with what to do', async () => {
  const { take, roles, lines, janitor } = makeRoles({ port: server.port })
  const lent = await take()
  const client = await signIn(lent, server, 'stock')
  await client.query("BEGIN; CREATE TABLE never (id int); PREPARE TRANSACTION 'left-behind'")
  lent.credential.forget()
  await roles.settled()
  const said = lines.find(line => line.startsWith('error')) ?? ''
  expect(said).toContain(
    'it left a prepared transaction in database \\"stock\\", which only a superuser can end',
  )
  expect(said).toContain('ROLLBACK PREPARED')
  expect(await janitor.sweep()).toEqual({ dropped: 0, left: 1, unreachable: 0 })
  expect(await janitor.sweep()).toEqual({ dropped: 0, left: 1, unreachable: 0 })
  // Said once by the session's end and once by the janitor, not every minute.
  expect(lines.filter(line => line.includes('prepared transaction'))).toHaveLength(2)
  await ask("ROLLBACK PREPARED 'left-behind'", 'stock')
  expect(await janitor.sweep()).toEqual({ dropped: 1, left: 0, unreachable: 0 })
  expect(await leftAt(server)).toBe('')
})

test('the password is in no log of the server and in nothing the gateway says', async () => {
  const { take, roles, lines } = makeRoles({ port: server.port })
  const lent = await take()
  const { password } = lent.credential.secrets
  await signIn(lent, server)
  expect(JSON.stringify(lent.credential)).not.toContain(password)
  lent.credential.forget()
  await roles.settled()
  const log = readFileSync(join(server.socketDirectory, 'log'), 'utf8')
  expect(log.includes(`CREATE ROLE "${lent.credential.user}"`)).toBe(true)
  expect(log.includes("PASSWORD 'SCRAM-SHA-256$4096:")).toBe(true)
  expect(log.includes(password)).toBe(false)
  expect(lines.join('\n')).not.toContain(password)
  expect(() => lent.credential.secrets).toThrow('the session has ended')
})

test("the target itself refuses a sign-in after the grant's end", async () => {
  const { take, roles } = makeRoles({ port: server.port })
  const lent = await take({ untilMs: 1_500 })
  await signIn(lent, server)
  await expect
    .poll(
      () =>
        signIn(lent, server).then(
          () => 'in',
          error => String(error.message),
        ),
      { timeout: 5_000 },
    )
    .toContain('password authentication failed')
  lent.credential.forget()
  await roles.settled()
})

test('a session has as many connections at the target as its limit and two', async () => {
  const { take, roles } = makeRoles({ port: server.port, clientConnectionsMax: 1 })
  const lent = await take()
  for (let at = 0; at < 3; at += 1) await signIn(lent, server)
  await expect(signIn(lent, server)).rejects.toThrow('too many connections for role')
  lent.credential.forget()
  await roles.settled()
})

test('sessions of one role do not touch one another', async () => {
  const { take, roles, janitor } = makeRoles({ port: server.port })
  const [one, other] = await Promise.all([take(), take()])
  expect(one.credential.user).not.toBe(other.credential.user)
  const client = await signIn(other, server)
  one.credential.forget()
  one.credential.forget()
  await roles.settled()
  expect(await janitor.sweep()).toEqual({ dropped: 0, left: 0, unreachable: 0 })
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  await client.end()
  other.credential.forget()
  await roles.settled()
  expect(await leftAt(server)).toBe('')
})

test('many sessions at once wait for one another and all get their role', async () => {
  const { take, roles } = makeRoles({ port: server.port })
  const lent = await Promise.all(Array.from({ length: 40 }, () => take()))
  for (const { credential } of lent) credential.forget()
  await roles.settled()
  expect(await leftAt(server)).toBe('')
})
