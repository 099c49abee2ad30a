import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { ErrorResponse, ExplainResponse } from '../../src/domain/api.js'
import { sqlOn } from '../setup/postgres.js'
import {
  ADA,
  bodyOf,
  configText,
  errorOf,
  type GatewayFixture,
  grantFor,
  makeGateway,
  NO_GRANT,
} from './gateway-fixture.js'

const DATABASE = 'gateway_explain'
const { port } = inject('postgres')

const RULES = `
approvals: [{ name: a-dba, groups: [dba], count: 2 }]
statements:
  - { name: no-notes, when: '"public.notes" in statement.tables', then: deny, message: notes are private }
  - { name: people-added, when: '"public.people" in statement.written_tables && statement.verb == "INSERT"', then: review, approval: a-dba, message: people are added by two }
  - { name: by-hand, when: 'statement.verb == "UPDATE" && role == "writer"', then: allow }
masking:
  rules:
    - { name: emails, columns: ["public.*.email"], strategy: keep-last 4, except_groups: [doctors] }
    - { name: net, detectors: [card-number], strategy: redact, except_groups: [doctors] }
`

function config({ more = RULES, at = port } = {}): string {
  return configText(more, { port: at, connection: '    limits: { statement_bytes_max: 4KiB }' }).replace(
    'database: postgres',
    `database: ${DATABASE}`,
  )
}

beforeAll(async () => {
  const server = inject('postgres')
  await sqlOn(server, 'postgres', `CREATE DATABASE ${DATABASE}`)
  await sqlOn(
    server,
    DATABASE,
    `CREATE TABLE people (id int, email text, name text); INSERT INTO people VALUES (1, 'a@b.c', 'A');
     CREATE TABLE notes (id int, body text); CREATE VIEW note_view AS SELECT * FROM notes;
     GRANT ALL ON ALL TABLES IN SCHEMA public TO reader, writer;`,
  )
})
afterAll(() => sqlOn(inject('postgres'), 'postgres', `DROP DATABASE ${DATABASE}`))

async function explain(gateway: GatewayFixture, statement: string, { as = ADA, more = {} } = {}) {
  const { id } = await grantFor(gateway, as)
  const response = await gateway.fetch('POST', `/v1/grants/${id}/explain`, {
    as,
    body: { statement, ...more },
  })
  return { id, response }
}

async function explained(gateway: GatewayFixture, statement: string, more?: Parameters<typeof explain>[2]) {
  const { response } = await explain(gateway, statement, more)
  const text = await response.text()
  expect([response.status, text]).toEqual([200, expect.anything()])
  const body: ExplainResponse = JSON.parse(text)
  return body
}

describe('an explanation', () => {
  test('of a statement that people have to agree to names them, also under EXPLAIN ANALYZE', async () => {
    const gateway = await makeGateway({ config: config() })
    const demand = {
      rule: 'people-added',
      message: 'people are added by two',
      approvers: ['dba'],
      manager: false,
      count: 2,
    }
    for (const prefix of ['', 'EXPLAIN ANALYZE ']) {
      const answer = await explained(gateway, `${prefix}INSERT INTO people VALUES (1)`)
      expect(answer.decision).toEqual({ kind: 'review', demands: [demand] })
      expect(answer.commands.at(-1)?.rules[0]).toMatchObject({
        rule: 'people-added',
        effect: 'review',
        outcome: 'matched',
        message: 'people are added by two',
      })
    }
    const plain = await explained(gateway, 'EXPLAIN INSERT INTO people VALUES (1)')
    expect(plain.decision.kind).toBe('allow')
    expect(await gateway.audited()).toContainEqual(
      expect.stringMatching(/^policy.explained g-\w+ people-added$/),
    )
  })

  test('of an allowed statement names what it reads and what is masked', async () => {
    const answer = await explained(await makeGateway({ config: config() }), 'SELECT id, email FROM people')
    expect(answer).toMatchObject({
      connection: 'prod-db',
      role: 'reader',
      database: DATABASE,
      policy: expect.stringMatching(/^[0-9a-f]{64}$/),
      decision: { kind: 'allow' },
      commandCount: 1,
      commands: [{ verb: 'SELECT', writes: false, tables: ['public.people'], writtenTables: [] }],
      masking: {
        kind: 'masked',
        mode: 'lineage',
        computed: { kind: 'expressions', rule: 'emails', strategy: 'redact' },
        columns: [{ column: 'public.people.email', rule: 'emails', strategy: 'keep-last 4' }],
        detectors: [{ rule: 'net', detectors: ['card-number'] }],
      },
    })
  })

  test('of a denied statement names the rule that decided first, and nothing has run', async () => {
    const answer = await explained(await makeGateway({ config: config() }), 'DELETE FROM people')
    expect(answer.decision).toMatchObject({ kind: 'deny', rule: 'no-bare-delete' })
    expect(answer.commands[0]?.rules[0]).toMatchObject({ rule: 'no-bare-delete', outcome: 'matched' })
    expect(await sqlOn(inject('postgres'), DATABASE, 'SELECT count(*) FROM people')).toContain('1')
  })

  test('resolves tables by the catalog: a rule holds through a view', async () => {
    const { decision, commands } = await explained(
      await makeGateway({ config: config() }),
      'SELECT * FROM note_view',
    )
    expect(decision).toMatchObject({ kind: 'deny', rule: 'no-notes', message: 'notes are private' })
    expect(commands[0]?.tables).toEqual(['public.note_view', 'public.notes'])
  })

  test("of what masking refuses has masking's refusal as its last word", async () => {
    const answer = await explained(
      await makeGateway({ config: config() }),
      'CREATE TABLE x AS SELECT email FROM people',
    )
    expect(answer.decision).toMatchObject({ kind: 'deny', rule: 'masked-data-stays' })
    expect(answer.masking).toMatchObject({ kind: 'refused', rule: 'masked-data-stays' })
  })

  test('in strict mode names the column, its rule and what is done with it', async () => {
    const strict = config().replace('masking:\n', 'masking:\n  mode: strict\n')
    const answer = await explained(
      await makeGateway({ config: strict }),
      "SELECT id FROM people WHERE email LIKE 'a%'",
    )
    const message =
      'in strict mode column "public.people.email" is masked, may only be shown, and decides in a condition'
    expect(answer.decision).toMatchObject({ kind: 'deny', rule: 'emails', message })
    expect(answer.masking).toMatchObject({ kind: 'refused', mode: 'strict', rule: 'emails', message })
  })

  test('of someone whom every masking rule spares has no masking', async () => {
    const doctor = { ...ADA, groups: ['engineering', 'doctors'] }
    const answer = await explained(await makeGateway({ config: config() }), 'SELECT email FROM people', {
      as: doctor,
    })
    expect(answer.masking).toEqual({ kind: 'none' })
  })

  test.each(['SELEC 1', 'EXECUTE nowhere', "SELECT 'open"])(
    'of %s says that it is not understood',
    async text => {
      const answer = await explained(await makeGateway({ config: config() }), text)
      expect(answer.decision).toMatchObject({ kind: 'deny', rule: 'not-understood' })
      expect(answer.commands).toEqual([])
    },
  )

  test('knows the names that the text makes itself', async () => {
    const answer = await explained(
      await makeGateway({ config: config() }),
      'PREPARE p AS DELETE FROM people; EXECUTE p',
    )
    expect(answer.decision).toMatchObject({ rule: 'no-bare-delete' })
  })

  test('shows no expression of a rule', async () => {
    const { response } = await explain(await makeGateway({ config: config() }), 'SELECT 1')
    expect(await response.text()).not.toContain('statement.')
  })

  test('follows a reload', async () => {
    const gateway = await makeGateway({ config: config() })
    expect((await explained(gateway, 'SELECT 1')).decision.kind).toBe('allow')
    gateway.reload(config({ more: 'statement_default: deny' }))
    expect((await explained(gateway, 'SELECT 1')).decision).toMatchObject({ rule: 'statement-default' })
  })
})

describe('an explanation is refused', () => {
  async function refused(options: Parameters<typeof explain>[2], statement = 'SELECT 1', text = config()) {
    const { response } = await explain(await makeGateway({ config: text }), statement, options)
    return { status: response.status, ...(await errorOf(response)) }
  }

  test('for a database that the connection does not offer', async () => {
    expect(await refused({ more: { database: 'template1' } })).toMatchObject({
      status: 403,
      code: 'forbidden',
    })
  })

  test('for a statement that is larger than the connection takes, or too large for any', async () => {
    expect(await refused({}, `SELECT '${'é'.repeat(2048)}'`)).toMatchObject({ status: 400, code: 'usage' })
    expect(await refused({}, 'x'.repeat(1024 * 1024 + 1))).toMatchObject({ status: 400, code: 'usage' })
    expect(await refused({}, '')).toMatchObject({ status: 400, code: 'usage' })
  })

  test('for what the request does not know', async () => {
    expect(await refused({ more: { role: 'writer' } })).toMatchObject({ status: 400, code: 'usage' })
  })

  test('when the target cannot be reached, without its address', async () => {
    const error = await refused({}, 'SELECT 1', config({ at: 1 }))
    expect(error).toMatchObject({ status: 502, code: 'target_unavailable' })
    expect(JSON.stringify(error)).not.toContain('127.0.0.1')
  })

  test('on a grant that is over, taken back, or of a group that is lost', async () => {
    const gateway = await makeGateway({ config: config() })
    const ask = async (id: string, as = ADA) => {
      const response = await gateway.fetch('POST', `/v1/grants/${id}/explain`, {
        as,
        body: { statement: 'SELECT 1' },
      })
      return [response.status, (await bodyOf<ErrorResponse>(response)).error.code]
    }
    const [over, revoked, lost] = [
      await grantFor(gateway, ADA),
      await grantFor(gateway, ADA),
      await grantFor(gateway, ADA),
    ]
    await gateway.fetch('DELETE', `/v1/grants/${revoked.id}`, { as: ADA })
    expect(await ask(revoked.id)).toEqual([403, 'grant_ended'])
    expect(await ask(lost.id, { ...ADA, groups: [] })).toEqual([403, 'forbidden'])
    expect(await ask(NO_GRANT)).toEqual([404, 'not_found'])
    gateway.clock.now += 3_600_000
    expect(await ask(over.id)).toEqual([403, 'grant_ended'])
  })
})

test('that a statement was explained is in the audit log, and the statement is not', async () => {
  const gateway = await makeGateway({ config: config() })
  const { id } = await explain(gateway, 'DELETE FROM people -- 4711-s3cret')
  expect(await gateway.audited()).toContain(`policy.explained ${id} no-bare-delete`)
  const [entry] = await gateway.store.audit.list({ limit: 1 })
  expect(entry?.detail).toMatchObject({ connection: 'prod-db', role: 'reader', decision: 'deny' })
  expect(JSON.stringify(entry)).not.toContain('4711')
})

test('an audit log that cannot be written gives no explanation', async () => {
  const gateway = await makeGateway({
    config: config(),
    breakStore: store => ({
      ...store,
      audit: {
        ...store.audit,
        append: entry =>
          entry.action === 'policy.explained' ? Promise.reject(new Error('away')) : store.audit.append(entry),
      },
    }),
  })
  expect((await explain(gateway, 'SELECT 1')).response.status).toBe(500)
})

test('explaining leaves no connection at the target behind', async () => {
  const gateway = await makeGateway({ config: config() })
  for (const statement of ['SELECT 1', 'SELECT 2', 'SELECT 3']) await explained(gateway, statement)
  const count = `SELECT count(*) FROM pg_stat_activity WHERE datname = '${DATABASE}' AND usename = 'reader'`
  await expect.poll(async () => (await sqlOn(inject('postgres'), 'postgres', count)).trim()).toBe('0')
})
