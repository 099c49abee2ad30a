import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { TextFacts } from '../../src/domain/facts.js'
import { NewestClaims } from '../../src/gateway/access/newest-claims.js'
import { FactsCache } from '../../src/gateway/session/facts-cache.js'
import { takeCredential } from '../../src/gateway/session/take-credential.js'
import type { PostgresServer } from '../setup/postgres.js'
import {
  type FixtureOptions,
  leftAt,
  makeRoles,
  signIn,
  startCuttingProxy,
  startRoleServer,
} from './credentials-fixture.js'

const SSN = { name: 'ssn', columns: ['public.*.ssn'], strategy: 'redact', strong: true }

let server: PostgresServer
/** Views are small: nothing is read in a cage. */
const CAGE = {
  read: async (): Promise<TextFacts> => ({ understood: true, statements: [] }),
  close: async () => {},
}
const facts = new FactsCache({ cage: CAGE })

beforeAll(async () => {
  server = await startRoleServer()
  await server.sql(
    'postgres',
    `CREATE ROLE cells NOLOGIN; CREATE ROLE owners NOLOGIN; CREATE ROLE all_data NOLOGIN; CREATE ROLE far NOLOGIN NOINHERIT;
     CREATE ROLE viewers NOLOGIN; CREATE ROLE invokers NOLOGIN; CREATE ROLE parents NOLOGIN;
     GRANT cells TO far; GRANT pg_read_all_data TO all_data;
     DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN
       GRANT cells, owners, all_data, far, viewers, invokers, parents TO role_maker WITH ADMIN OPTION; END IF; END $$`,
  )
  for (const database of ['shop', 'stock']) {
    await server.sql(
      database,
      `CREATE TABLE people (id int, name text, ssn text); INSERT INTO people VALUES (1, 'Ada', '123-45-6789');
       GRANT SELECT (id, name) ON people TO readers; GRANT SELECT (ssn) ON people TO cells`,
    )
  }
  await server.sql(
    'shop',
    `CREATE TABLE owned (ssn text); ALTER TABLE owned OWNER TO owners; REVOKE ALL ON owned FROM owners;
     CREATE VIEW shown AS SELECT id, upper(ssn) AS secret FROM people; GRANT SELECT ON shown TO viewers;
     CREATE VIEW names AS SELECT id, name FROM people; GRANT SELECT ON names TO readers;
     CREATE VIEW lent WITH (security_invoker = on) AS SELECT * FROM people; GRANT SELECT ON lent TO invokers;
     CREATE TABLE base (id int); CREATE TABLE kept (ssn text) INHERITS (base);
     CREATE TABLE parted (id int, ssn text) PARTITION BY RANGE (id);
     CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (9); GRANT SELECT ON part TO parents`,
  )
}, 60_000)

afterAll(() => server.stop())

/** Opens a session's credential as the gateway does, and keeps what the audit log was told. */
function strongRoles(options: Omit<FixtureOptions, 'port'> & { readonly port?: number }) {
  const made = makeRoles({ port: server.port, masking: [SSN], ...options })
  const audited: unknown[] = []
  const begin = async (policies = made.policies) => {
    const opened = made.open()
    const credential = await takeCredential(opened, {
      ...{ vault: made.vault, log: made.log, claims: new NewestClaims(), policies: () => policies },
      traceView: (view, catalog) => facts.traceView(view, catalog),
      store: { audit: { append: async entry => void audited.push(entry), list: async () => [] } },
      now: () => new Date(),
    })
    // So that a test that fails takes no other with it.
    onTestFinished(async () => {
      credential.forget()
      await made.roles.settled()
    })
    return { ...opened, credential }
  }
  return { ...made, audited, begin }
}

/** Checks that a session does not start, why, and that it leaves nothing but a line in the audit log. */
function refuses(
  title: string,
  options: Omit<FixtureOptions, 'port'>,
  { message, hint }: { readonly message: string; readonly hint?: string },
): void {
  test(title, async () => {
    const { begin, roles, audited, lines } = strongRoles(options)
    const error = await begin().catch((failure: unknown) => failure)
    expect(error).toMatchObject({
      code: 'target_refused',
      message: expect.stringContaining(message),
      ...(hint === undefined ? {} : { hint }),
    })
    await roles.settled()
    expect(await leftAt(server)).toBe('')
    expect(audited).toMatchObject([
      { action: 'session.refused', detail: { why: expect.stringContaining(message) } },
    ])
    expect(lines.join()).toContain('a session did not start')
  })
}

/** Checks that a session starts. */
function starts(title: string, options: Omit<FixtureOptions, 'port'>): void {
  test(title, async () => {
    const { begin, roles, audited } = strongRoles(options)
    const { credential } = await begin()
    credential.forget()
    await roles.settled()
    expect(audited).toEqual([])
    expect(await leftAt(server)).toBe('')
  })
}

test('where groups have the other columns a session starts, and the server itself refuses the masked one', async () => {
  const { begin, roles } = strongRoles({})
  const lent = await begin()
  const client = await signIn(lent, server)
  expect((await client.query('SELECT id, name FROM people')).rows).toEqual([{ id: 1, name: 'Ada' }])
  for (const text of [
    'SELECT ssn FROM people',
    'SELECT p FROM people p',
    'SELECT id FROM people WHERE ssn > $$1$$',
  ])
    await expect(client.query(text)).rejects.toMatchObject({ code: '42501' })
  await client.end()
  lent.credential.forget()
  await roles.settled()
  expect(await leftAt(server)).toBe('')
})

const through = (who: string, columns: string) =>
  `rule "ssn" is strong, and through ${who} the role can read ${columns} in database`

refuses(
  'a group that may read the column is named, and what to do',
  { memberOf: ['readers', 'cells'] },
  {
    message: `Cannot make a role for the session on "shop": ${through('"cells"', '"public.people.ssn"')} "shop"`,
    hint: 'at the target: REVOKE SELECT ON "public"."people" FROM "cells"; GRANT SELECT (other, columns) ON "public"."people" TO "cells"',
  },
)
refuses(
  'a privilege that takes SET ROLE counts',
  { memberOf: ['far'] },
  { message: through('"cells"', '"public.people.ssn"') },
)
refuses(
  'an owner without a privilege could give it to itself',
  { memberOf: ['owners'] },
  {
    message: through('"owners"', '"public.owned.ssn"'),
    hint: 'at the target: ALTER TABLE "public"."owned" OWNER TO a role that no session is a member of',
  },
)
refuses(
  'who reads all data reads these, and no more than five are told',
  { memberOf: ['all_data'], masking: [{ ...SSN, columns: ['*.*.*'] }] },
  {
    message: ' more in database "shop"',
    hint: 'at the target: REVOKE "pg_read_all_data" from the roles that are members of it',
  },
)
refuses(
  'a view that computes something from the column shows it',
  { memberOf: ['viewers'] },
  { message: through('"viewers"', '"public.shown.secret"') },
)
starts('a view that reads with the privileges of its reader shows nothing by itself', {
  memberOf: ['readers', 'invokers'],
})
refuses(
  'a partition counts as its table',
  { memberOf: ['parents'] },
  { message: through('"parents"', '"public.part.ssn"') },
)
starts('whom the rule spares is not checked', {
  memberOf: ['cells'],
  masking: [{ ...SSN, except_groups: ['eng'] }],
})
starts('a rule that is not strong is masking alone', {
  memberOf: ['cells'],
  masking: [{ ...SSN, strong: false }],
})

test('a privilege of everybody counts, in every database that the session may use', async () => {
  await server.sql('stock', 'GRANT SELECT ON people TO PUBLIC')
  const one = strongRoles({})
  const lent = await one.begin()
  lent.credential.forget()
  await one.roles.settled()
  const both = strongRoles({ databases: ['shop', 'st*'] })
  await expect(both.begin()).rejects.toThrow(`${through('PUBLIC', '"public.people.ssn"')} "stock"`)
  await both.roles.settled()
  await server.sql('stock', 'REVOKE SELECT ON people FROM PUBLIC')
  const { credential } = await both.begin()
  credential.forget()
  await both.roles.settled()
  expect(await leftAt(server)).toBe('')
})

test('a rule that a reload brings counts for the next session', async () => {
  const before = strongRoles({ memberOf: ['cells'], masking: [] })
  const { policies } = makeRoles({ port: server.port, memberOf: ['cells'], masking: [SSN] })
  const lent = await before.begin()
  await expect(before.begin(policies)).rejects.toThrow('rule "ssn" is strong')
  lent.credential.forget()
  await before.roles.settled()
  expect(await leftAt(server)).toBe('')
})

test('a database that cannot be looked at is none that is cleared', async () => {
  await server.createDatabase('closed')
  await server.sql('postgres', 'ALTER DATABASE closed CONNECTION LIMIT 0')
  const { begin, roles } = strongRoles({ databases: ['*'] })
  await expect(begin()).rejects.toThrow('too many connections for database')
  await roles.settled()
  expect(await leftAt(server)).toBe('')
})

test('a role whose check broke off is taken back by the next gateway, and no session starts', async () => {
  const proxy = await startCuttingProxy(server)
  // Making is two texts; the third reads the catalog.
  for (const when of ['before', 'after'] as const) {
    const { begin, roles } = strongRoles({ port: proxy.port })
    proxy.breakAt({ at: 3, when })
    await expect(begin()).rejects.toMatchObject({ code: 'target_unavailable' })
    await roles.settled()
    expect(await leftAt(server)).toMatch(/^hoop_\w{16}$/)
    proxy.mend()
    const { janitor } = makeRoles({ port: proxy.port })
    expect(await janitor.sweep()).toEqual({ dropped: 1, left: 0, unreachable: 0 })
    expect(await leftAt(server)).toBe('')
  }
  await proxy.close()
})
