import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { explainStatement } from '../../src/client/policy-explain.js'
import { renderExplanation } from '../../src/client/policy-view.js'
import type { CommandView, ExplainResponse, GrantView } from '../../src/domain/api.js'
import { HoopError } from '../../src/lib/hoop-error.js'
import { GRANT_SUBJECT, reviewOf } from '../client/review.js'
import { type Shop, startShop } from '../end-to-end/shop.js'
import { ADA, EVE } from '../setup/hoop-stack.js'

const COMMAND: CommandView = {
  verb: 'SELECT',
  object: '',
  nested: false,
  writes: false,
  filtered: true,
  drops: false,
  defines: false,
  opaque: false,
  serverAccess: false,
  tables: ['public.people'],
  writtenTables: [],
  rules: [{ rule: 'no-drop', effect: 'deny', origin: 'shipped', outcome: 'missed', close: false }],
  ruleCount: 8,
}

const ANSWER: ExplainResponse = {
  connection: 'prod-db',
  role: 'reader',
  database: 'shop',
  policy: '00',
  decision: { kind: 'allow' },
  commands: [COMMAND],
  commandCount: 1,
  masking: { kind: 'none' },
}

describe('for people', () => {
  test('an allowed statement is told with its facts', () => {
    expect(renderExplanation(ANSWER).split('\n')).toEqual([
      '"prod-db" as "reader", database "shop": the statement would be allowed',
      '',
      '1. SELECT',
      '   tables   public.people',
      '   facts    only reads',
      '   none of 8 rules matched',
      '',
      'masking: no rule applies to you here',
    ])
  })

  test('a refused statement is told with the rules that matched and those that came close', () => {
    const text = renderExplanation({
      ...ANSWER,
      decision: {
        kind: 'deny',
        rule: 'no-bare-delete',
        message: 'DELETE removes every row',
        hint: 'add a WHERE',
      },
      commands: [
        {
          ...COMMAND,
          verb: 'DELETE',
          writes: true,
          filtered: false,
          writtenTables: ['public.people'],
          rules: [
            {
              rule: 'no-bare-delete',
              effect: 'deny',
              origin: 'shipped',
              outcome: 'matched',
              message: 'DELETE removes every row',
              close: false,
            },
            {
              rule: 'odd',
              effect: 'deny',
              origin: 'configured',
              outcome: 'failed',
              message: 'it broke',
              close: false,
            },
            {
              rule: 'by-hand',
              effect: 'allow',
              origin: 'configured',
              outcome: 'matched',
              message: 'x',
              close: false,
            },
            { rule: 'nearly', effect: 'deny', origin: 'configured', outcome: 'missed', close: true },
            ...COMMAND.rules,
          ],
        },
      ],
      commandCount: 3,
      masking: {
        kind: 'masked',
        mode: 'lineage',
        computed: { kind: 'expressions', reason: '"email" is masked', rule: 'emails', strategy: 'redact' },
        columns: [{ column: 'public.people.email', rule: 'emails', strategy: 'keep-last 4' }],
        columnCount: 2,
        detectors: [{ rule: 'net', detectors: ['iban', 'email'] }],
        outputs: [
          {
            ...{ statement: 1, output: 1, holds: 'protected' },
            columns: ['public.people.email'],
            through: ['public.half'],
          },
          { statement: 1, output: 2, holds: 'clear', columns: [], through: [] },
          {
            ...{ statement: 2, output: 0, holds: 'unknown', columns: [], through: [] },
            reason: 'a function is not followed',
          },
        ],
        hidesMessages: true,
      },
    })
    expect(text.split('\n')).toEqual([
      '"prod-db" as "reader", database "shop": the statement would be refused',
      '  by rule "no-bare-delete": DELETE removes every row',
      '  try: add a WHERE',
      '',
      '1. DELETE',
      '   tables   public.people (written)',
      '   facts    writes, no condition that reads a column',
      '   matched  no-bare-delete (deny): DELETE removes every row',
      '   failed   odd (deny): it broke',
      '   matched  by-hand (allow)',
      '   close    nearly (deny): speaks of this verb, and did not match',
      '   4 other rules did not match',
      '',
      'and 2 more commands',
      '',
      'masking, mode lineage',
      '   expressions: redact by rule "emails": "email" is masked',
      '   column public.people.email: keep-last 4 by rule "emails"',
      '   and 1 more columns',
      '   values that look like iban, email: rule "net"',
      '   output 1: can hold masked values, from public.people.email through public.half',
      '   output 2: shown, from no column',
      '   every output of statement 2: can hold anything, a function is not followed',
      '   errors and notices of the server are replaced',
    ])
  })

  test('a name that would move the cursor is shown and does nothing', () => {
    const tables = ['public.\u001b[2Jx', 'public.a\nallowed']
    const text = renderExplanation({ ...ANSWER, commands: [{ ...COMMAND, tables }] })
    expect(text).toContain('public.⟨ESC⟩[2Jx, public.a⟨LF⟩allowed')
  })
})

describe('the grant that is asked for', () => {
  const grant: GrantView = {
    id: 'g-0000000000000000',
    connection: 'prod-db',
    role: 'reader',
    rule: 'engineers',
    grantedAt: '2026-03-10T12:00:00Z',
    until: '2026-03-10T12:01:00Z',
  }

  function setup({ explain = async () => ANSWER, revokeGrant = async (): Promise<void> => {} } = {}) {
    const calls: unknown[] = []
    const told: string[] = []
    const api = {
      requestGrant: async (request: object) => {
        calls.push(['request', request])
        return { kind: 'granted', grant } as const
      },
      explain: async (id: string, request: object) => {
        calls.push(['explain', id, request])
        return explain()
      },
      grants: async () => [],
      revokeGrant: async (id: string) => {
        calls.push(['revoke', id])
        return revokeGrant()
      },
    }
    const tell = (message: string) => void told.push(message)
    const reviews = { withdraw: async () => {} }
    const run = () =>
      explainStatement(
        { grants: api, reviews },
        { connection: 'prod-db', statement: 'SELECT 1', role: 'reader', tell },
      )
    return { run, calls, told }
  }

  test('is short, and given back', async () => {
    const { run, calls, told } = setup()
    expect(await run()).toBe(ANSWER)
    expect(calls).toEqual([
      ['request', { connection: 'prod-db', durationSeconds: 60, role: 'reader' }],
      ['explain', grant.id, { statement: 'SELECT 1' }],
      ['revoke', grant.id],
    ])
    expect(told).toEqual([])
  })

  test('that people would have to give is not asked of them: one that lives is used, and kept', async () => {
    const review = reviewOf({ subject: { ...GRANT_SUBJECT, connection: 'prod-db', role: 'reader' } })
    const withdrawn: string[] = []
    const explained: string[] = []
    const lives = new Date(Date.now() + 60_000).toISOString()
    const ask = (grants: readonly GrantView[]) =>
      explainStatement(
        {
          grants: {
            requestGrant: async () => ({ kind: 'asked', review }) as const,
            grants: async () => grants,
            explain: async id => {
              explained.push(id)
              return ANSWER
            },
            revokeGrant: () => Promise.reject(new Error('nothing is given back')),
          },
          reviews: { withdraw: async id => void withdrawn.push(id) },
        },
        { connection: 'prod-db', statement: 'SELECT 1', tell: () => {} },
      )
    expect(await ask([grant, { ...grant, id: 'g-1', until: lives }])).toBe(ANSWER)
    expect(explained).toEqual(['g-1'])
    await expect(ask([grant])).rejects.toMatchObject({ code: 'approval_pending' })
    expect(withdrawn).toEqual([review.id, review.id])
  })

  test('is given back when the gateway refuses to explain', async () => {
    const refusal = new HoopError('forbidden', 'Cannot open database "x": it is not offered')
    const { run, calls } = setup({ explain: () => Promise.reject(refusal) })
    await expect(run()).rejects.toBe(refusal)
    expect(calls.at(-1)).toEqual(['revoke', grant.id])
  })

  test('that cannot be given back keeps the answer, and is told', async () => {
    const { run, told } = setup({ revokeGrant: () => Promise.reject(new Error('away')) })
    expect(await run()).toBe(ANSWER)
    expect(told).toEqual([expect.stringContaining(grant.until)])
  })
})

describe('hoop policy explain', () => {
  let shop: Shop
  beforeAll(async () => {
    const config = {
      masking: { rules: [{ name: 'emails', columns: ['public.*.email'], strategy: 'redact' }] },
    }
    shop = await startShop({ postgres: inject('postgres'), name: 'policy_explain', config })
  })
  afterAll(() => shop.stop())

  test('says what would happen, runs nothing and leaves no grant behind', async () => {
    const ran = await shop.stack.hoop(ADA, ['policy', 'explain', 'shop', 'DELETE FROM customers'])
    expect([ran.code, ran.stderr]).toEqual([0, ''])
    expect(ran.stdout).toContain('the statement would be refused\n  by rule "no-bare-delete"')
    expect(ran.stdout).toContain('column public.customers.email: redact by rule "emails"')
    expect(await shop.sql('SELECT count(*) FROM customers')).toBe('10')
    const grants = await shop.grants()
    expect(grants.map(({ revokedAt }) => revokedAt === undefined)).toEqual([false])
  })

  test('says it as JSON, and nothing else', async () => {
    const ran = await shop.stack.hoop(ADA, [
      'policy',
      'explain',
      'shop',
      'SELECT name FROM customers',
      '--json',
    ])
    const answer: ExplainResponse = JSON.parse(ran.stdout)
    expect(answer).toMatchObject({ connection: 'shop', role: 'reader', decision: { kind: 'allow' } })
    expect(answer.masking).toMatchObject({ kind: 'masked', computed: { kind: 'clear' } })
  })

  test('is refused to who may not use the connection, like a connection that is not there', async () => {
    await shop.stack.login(EVE)
    const ran = await shop.stack.hoop(EVE, ['policy', 'explain', 'shop', 'SELECT 1'])
    expect(ran.code).toBe(64)
    expect(ran.stderr).toContain('you have no connection of that name')
    const nearest = await shop.stack.hoop(ADA, ['policy', 'explain', 'shpo', 'SELECT 1', '--json'])
    expect(JSON.parse(nearest.stdout).error).toMatchObject({ code: 'not_found' })
  })
})
