import { beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { bind, execute, parse, query, sync } from '../../../src/protocols/postgres/codec.js'
import { transcriptOf, Wire } from '../../adversary/wire.js'
import { sqlOn } from '../../setup/postgres.js'
import { type Holding, makeHeldDatabase, makeHolding } from './held-fixture.js'

const DATABASE = 'held_names'

beforeAll(async () => {
  await makeHeldDatabase(DATABASE)
  await sqlOn(inject('postgres'), DATABASE, 'CREATE SEQUENCE numbers; GRANT ALL ON numbers TO writer')
})

/** An UPDATE that nobody is asked about when it is only parsed. */
const UPDATE = "UPDATE people SET name = 'unseen' WHERE id = 1 RETURNING id"

const prepare = (name: string, text: string): Buffer => Buffer.concat([parse({ name, text }), sync()])
const run = (statement: string, portal = ''): Buffer =>
  Buffer.concat([bind({ portal, statement }), execute(portal), sync()])

async function wireOf({ profile }: Holding): Promise<Wire> {
  const wire = await Wire.open({ ...profile, tls: 'disable' })
  onTestFinished(() => wire.close())
  return wire
}

/** Each is sent when the one before is answered. What is asked of people is denied. */
async function check(steps: readonly Buffer[]): Promise<void> {
  const holding = await makeHolding({ database: DATABASE })
  const wire = await wireOf(holding)
  const denying = setInterval(async () => {
    const open = { reader: undefined, states: ['pending'], limit: 10 } as const
    const waiting = await holding.gateway.store.reviews.list(open)
    for (const { review } of waiting) await holding.answer(review, 'deny').catch(() => {})
  }, 50)
  onTestFinished(() => clearInterval(denying))
  for (const step of steps) await wire.ask(step)
  expect(await holding.sql('SELECT name FROM people WHERE id = 1')).toBe('p1')
}

test.each([
  ['EXECUTE of an EXECUTE', [prepare('a', UPDATE), prepare('q', 'EXECUTE a'), query('EXECUTE q')]],
  [
    'EXPLAIN ANALYZE of an EXECUTE of an EXECUTE',
    [prepare('a', UPDATE), prepare('q', 'EXECUTE a'), query('EXPLAIN ANALYZE EXECUTE q')],
  ],
  [
    'FETCH from a portal of an EXECUTE',
    [
      prepare('a', UPDATE),
      prepare('q', 'EXECUTE a'),
      query('BEGIN'),
      Buffer.concat([bind({ portal: 'p', statement: 'q' }), sync()]),
      query('FETCH ALL FROM p'),
      query('COMMIT'),
    ],
  ],
  [
    'a name that is made again behind EXECUTE',
    [
      query('PREPARE a AS SELECT 1'),
      prepare('d', 'DEALLOCATE a'),
      query('EXECUTE d'),
      prepare('p', `PREPARE a AS ${UPDATE}`),
      query('EXECUTE p'),
      query('EXECUTE a'),
    ],
  ],
  [
    'EXECUTE of an EXECUTE of what has another meaning since',
    [
      prepare('a', 'SELECT 1'),
      prepare('q', 'EXECUTE a'),
      query('DEALLOCATE a'),
      prepare('a', UPDATE),
      query('EXECUTE q'),
    ],
  ],
  [
    'a text that made names, said to make them again',
    [
      query('PREPARE a AS SELECT 1; PREPARE x AS SELECT 2'),
      query('DEALLOCATE a'),
      prepare('a', UPDATE),
      run('x'),
      query('EXECUTE a'),
    ],
  ],
  [
    'a text that made cursors, said to make them again',
    [
      query('BEGIN; DECLARE a CURSOR FOR SELECT 1; DECLARE c CURSOR FOR SELECT 2'),
      query('CLOSE a'),
      Buffer.concat([
        parse({ name: 'u', text: UPDATE }),
        bind({ portal: 'a', statement: 'u' }),
        execute('c'),
        sync(),
      ]),
      query('FETCH ALL FROM a'),
      query('COMMIT'),
    ],
  ],
] as const)('a write that nobody agreed to runs under no name: %s', (_, steps) => check(steps))

test('values that a portal was bound with are never left unseen', async () => {
  const holding = await makeHolding({ database: DATABASE })
  const wire = await wireOf(holding)
  const text = 'UPDATE people SET name = $1 WHERE id = $2 RETURNING id'
  await wire.ask(query('BEGIN'))
  await wire.ask(
    Buffer.concat([
      parse({ name: 'u', text }),
      bind({ portal: 'p', statement: 'u', values: [Buffer.from('unseen'), Buffer.from('1')] }),
      sync(),
    ]),
  )
  const said = transcriptOf(await wire.ask(query('FETCH ALL FROM p'))).join('\n')
  expect(said).toContain('the values that its cursor was bound with could not be shown')
  await wire.ask(query('COMMIT'))
  expect(await holding.sql('SELECT name FROM people WHERE id = 1')).toBe('p1')
})

test.each([
  ['FETCH 1 FROM c', false],
  ['FETCH FORWARD ALL FROM c', false],
  ['MOVE 1 IN c', false],
  ['FETCH BACKWARD 1 FROM c', true],
  ['FETCH 0 FROM c', true],
  ['FETCH -1 FROM c', true],
  ['FETCH FIRST FROM c', true],
  ['FETCH ABSOLUTE 1 FROM c', true],
  ['FETCH RELATIVE -1 FROM c', true],
  ['MOVE BACKWARD ALL IN c', true],
])('rows that were there before are asked about again: %s', async (text, isAsked) => {
  const holding = await makeHolding({ database: DATABASE })
  const { client } = await holding.connect()
  await client.query('BEGIN')
  const declared = client.query("DECLARE c SCROLL CURSOR FOR SELECT id, nextval('numbers') FROM people")
  await holding.answer(await holding.pending())
  await declared
  await client.query('FETCH 2 FROM c')
  const fetched = client.query(text)
  if (!isAsked) {
    await fetched
    return
  }
  const review = await holding.pending()
  expect(review.subject).toMatchObject({ behind: [expect.stringContaining('DECLARE c')] })
  await holding.answer(review, 'deny')
  await expect(fetched).rejects.toMatchObject({ code: '42501' })
})
