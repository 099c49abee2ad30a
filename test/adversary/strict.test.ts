import { spawn } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { query } from '../../src/protocols/postgres/codec.js'
import { HONEST_STATEMENTS } from '../honest/masked-statements.js'
import { collect } from '../setup/hoop-stack.js'
import { cleanEnvironment } from '../setup/postgres.js'
import { type Arena, startArena } from './arena.js'
import { type Attack, SIMPLE, WAYS } from './attack.js'
import { CORPUS, OWN_ATTACKS } from './attacks.js'
import { canariesIn } from './canaries.js'
import { REMAINING, STRICT_REMAINING, UNSTEADY } from './remaining.js'
import { describeLoot, runAttack, type Sides } from './run-attack.js'
import { transcriptOf } from './wire.js'

/** Every attack in every way, as in `attacks.test.ts`. */
const ways = process.env.HOOP_TEST_ALL_WAYS === 'on' ? WAYS : [SIMPLE]

let arena: Arena
beforeAll(async () => {
  arena = await startArena()
}, 120_000)
afterAll(() => arena?.stop())

function checkAttack(attack: Attack): void {
  const remains = STRICT_REMAINING[attack.id]
  test(`${attack.id} ${remains === undefined ? 'learns nothing' : `infers: ${remains}`}`, async () => {
    const sides: Sides = UNSTEADY.has(attack.id)
      ? { connection: 'strict' }
      : { connection: 'strict', twin: 'strict-twin' }
    const lines: string[] = []
    for (const way of ways) {
      const loot = await runAttack(arena, { attack, way, sides })
      const line = loot === undefined ? undefined : describeLoot(loot)
      if (line !== undefined) lines.push(line)
      // What told something in the other mode is refused here, and not silent by chance.
      if (REMAINING[attack.id] !== undefined && remains === undefined && way === SIMPLE)
        expect(loot?.refused, 'is not refused').toBe(true)
    }
    if (remains === undefined) expect(lines.join('\n')).toBe('')
    else expect(lines, 'this is not possible any more: take it out of remaining.ts').not.toEqual([])
  })
}

describe('in strict mode', () => {
  for (const attack of [...CORPUS, ...OWN_ATTACKS]) checkAttack(attack)
})

test('what remains possible in strict mode is about attacks that are tried, and not new', () => {
  expect(Object.keys(STRICT_REMAINING).filter(id => REMAINING[id] === undefined)).toEqual([])
})

/** Honest statements that strict mode refuses, and why nobody can tell them from the others. */
const REFUSED_HONEST: Readonly<Record<string, string>> = {
  'SELECT id, name FROM customers NATURAL JOIN (VALUES (1)) v(id)':
    'a natural join could compare masked columns',
  'EXPLAIN (COSTS off) SELECT ssn FROM customers WHERE id = 1': 'plans tell widths',
  'SELECT * FROM no_such_table': 'a relation that is not known can be anything',
  'SELECT id FROM scratch.none': 'a relation that is not known can be anything',
  'SELECT no_such_function(1)': 'a function that is not known can return anything',
}

test.each(HONEST_STATEMENTS)(
  'in strict mode, the answer is the database’s, or a refusal that is listed: %s',
  async text => {
    const through = await arena.wire('strict', 'analyst').then(wire => wire.ask(query(text)))
    if (REFUSED_HONEST[text] === undefined) {
      const direct = await arena.direct('analyst')
      expect(transcriptOf(through)).toEqual(transcriptOf(await direct.ask(query(text))))
      direct.close()
    } else expect(through.includes('C42501\0')).toBe(true)
  },
)

/** Masked columns that are shown, and the rows and the writes around them. */
test.each([
  'SELECT * FROM customers ORDER BY id',
  'SELECT c.ssn AS a, o.total FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.total < 3',
  'WITH w AS (SELECT id, ssn FROM customers) SELECT * FROM w WHERE id = 1',
  'SELECT ssn FROM customers UNION ALL SELECT card FROM customers',
  'COPY customers TO STDOUT',
])('in strict mode, masked columns are shown: %s', async text => {
  const through = await arena.wire('strict', 'analyst').then(wire => wire.ask(query(text)))
  expect(through.includes('[masked]')).toBe(true)
  expect(canariesIn(through)).toEqual([])
})

test('in strict mode, columns that are not masked are written', async () => {
  const wire = await arena.wire('strict', 'writer')
  const text = "BEGIN; UPDATE customers SET city = 'Graz' WHERE id = 1 RETURNING id, city; ROLLBACK"
  expect(transcriptOf(await wire.ask(query(text))).join(' ')).toContain('Graz')
})

test('in strict mode, recordings have no value either', async () => {
  // Before the tools: their catalogs have numbers of every size.
  const lines = await arena.recorded(['strict', 'strict-twin'])
  expect(lines.length).toBeGreaterThan(CORPUS.length + OWN_ATTACKS.length)
  const told = lines.map(line => {
    const { columns, rows, error, message, masked } = JSON.parse(line)
    return JSON.stringify({ columns, rows, error, message, masked })
  })
  expect(told.filter(line => canariesIn(Buffer.from(line)).length > 0)).toEqual([])
})

async function run(side: 'strict' | 'direct', program: string, args: readonly string[], input = '') {
  const { profile } = await arena.listener('strict', 'superdba')
  const { host, port } = side === 'strict' ? profile : arena.postgres
  const { user, database } = profile
  const password = side === 'strict' ? profile.password : arena.password
  const child = spawn(program, args, {
    env: {
      ...cleanEnvironment(),
      ...{ PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database },
      ...{ PGCLIENTENCODING: 'UTF8', LC_ALL: 'C' },
    },
    stdio: 'pipe',
  })
  child.stdin.end(input)
  const { code, stdout, stderr } = await collect(child)
  return { code, stdout: stdout.replace(/^\\(un)?restrict .*$/gm, '\\restrict'), stderr }
}

const BACKSLASH = [
  ...[
    '\\d',
    '\\d customers',
    '\\d+ customers',
    '\\d+ v_people',
    '\\d ev_parent',
    '\\dt+',
    '\\dv+',
    '\\dm+',
    '\\di+',
  ],
  ...[
    '\\ds',
    '\\df',
    '\\df+ get_person',
    '\\da',
    '\\dT+',
    '\\dD',
    '\\do public.*',
    '\\dp',
    '\\ddp',
    '\\dx',
    '\\du+',
  ],
  ...[
    '\\dn+',
    '\\l',
    '\\db',
    '\\dP',
    '\\dy',
    '\\dRp',
    '\\dRs',
    '\\dX',
    '\\dC',
    '\\dc',
    '\\dO',
    '\\dl',
    '\\des',
  ],
  ...[
    '\\dew',
    '\\det',
    '\\drds',
    '\\dg',
    '\\dF',
    '\\dFd',
    '\\dA',
    '\\dAc btree int4',
    '\\sf get_person',
    '\\sv v_people',
  ],
]

test('in strict mode, psql describes everything as it does without a gateway', async () => {
  const script = `${BACKSLASH.join('\n')}\n`
  const direct = await run('direct', 'psql', ['-X'], script)
  expect(direct.stdout).toContain('customers_ssn_key')
  expect(await run('strict', 'psql', ['-X'], script)).toEqual(direct)
})

test('in strict mode, pg_dump writes the schema as it does without a gateway', async () => {
  const direct = await run('direct', 'pg_dump', ['--schema-only'])
  expect(direct.stdout).toContain('CREATE TABLE public.customers')
  expect(await run('strict', 'pg_dump', ['--schema-only'])).toEqual(direct)
})

test('in net mode, detectors mask what they find and nothing is refused', async () => {
  const wire = await arena.wire('net', 'writer')
  const shown = await wire.ask(query('SELECT ssn, card, email, salary FROM customers WHERE ssn IS NOT NULL'))
  const text = transcriptOf(shown).join('\n')
  expect(text).toContain('5100')
  expect(text).not.toContain('123-45-6789')
  expect(text).not.toContain('4111111111111111')
  const stored = await wire.ask(query('BEGIN; UPDATE customers SET city = ssn WHERE id = 1; ROLLBACK'))
  expect(transcriptOf(stored).join('\n')).toContain('UPDATE 1')
})
