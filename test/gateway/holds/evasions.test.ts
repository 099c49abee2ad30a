import { beforeAll, describe, expect, test } from 'vitest'
import { DBA, type Holding, makeHeldDatabase, makeHolding, OTHER_DBA } from './held-fixture.js'

const DATABASE = 'evasions'
const UPDATE = "UPDATE people SET name = 'agreed' WHERE id = 1"

beforeAll(() => makeHeldDatabase(DATABASE))

type Statement = readonly [text: string, values?: readonly unknown[]]
type Client = Awaited<ReturnType<Holding['connect']>>['client']

const run = (client: Client, [text, values]: Statement) =>
  client.query(text, values && [...values]).then(
    () => 'it ran',
    (error: Error) => error.message,
  )
const names = (holding: Holding) => holding.sql("SELECT string_agg(name, ' ' ORDER BY id) FROM people")

async function holdingOf(options: Partial<Parameters<typeof makeHolding>[0]> = {}): Promise<Holding> {
  const holding = await makeHolding({ database: DATABASE, ...options })
  await holding.sql("UPDATE people SET name = 'p' || id")
  return holding
}

describe('a yes is for one run of what was shown', () => {
  /** The second statement is asked about anew, with a name and a digest of its own, and does not run without a yes. */
  async function check(first: Statement, second: Statement): Promise<void> {
    const holding = await holdingOf()
    const { client } = await holding.connect()
    const running = run(client, first)
    const agreed = await holding.pending()
    await holding.answer(agreed)
    expect(await running).toBe('it ran')
    const after = await names(holding)
    const retried = run(client, second)
    const asked = await holding.pending()
    expect(asked.id).not.toBe(agreed.id)
    if (JSON.stringify(first) !== JSON.stringify(second)) expect(asked.digest).not.toBe(agreed.digest)
    // The old yes, or its digest, is worth nothing for the new question.
    await expect(holding.answer(agreed)).rejects.toMatchObject({ code: 'conflict' })
    await expect(holding.answer({ ...agreed, id: asked.id, digest: 'e'.repeat(64) })).rejects.toMatchObject({
      code: 'conflict',
    })
    await holding.answer(asked, 'deny')
    expect(await retried).toContain(`refused in review ${asked.id}`)
    expect(await names(holding)).toBe(after)
  }

  const BOUND = 'UPDATE people SET name = $1 WHERE id = $2'

  test.each<readonly [string, Statement, Statement]>([
    ['not for the same text again', [UPDATE], [UPDATE]],
    ['not for one more blank', [UPDATE], [`${UPDATE} `]],
    ['not for a comment', [UPDATE], [`${UPDATE} -- as agreed`]],
    ['not for another row', [UPDATE], [UPDATE.replace('id = 1', 'id = 2')]],
    ['not for a letter that looks the same', [UPDATE], [UPDATE.replace("'agreed'", "'аgreed'")]],
    ['not for another bound value', [BOUND, ['x', 1]], [BOUND, ['x', 2]]],
    ['not for values that change places', [BOUND, ['1', 2]], [BOUND, ['2', 1]]],
    ['not for the same text without bound values', [UPDATE], [`${UPDATE} AND $1::int = 1`, [1]]],
  ])('%s', (_, first, second) => check(first, second))
})

describe('what looks like a read is asked about', () => {
  const WRITE = "UPDATE people SET name = 'hidden' WHERE id = 1"
  test.each<readonly [string, string, readonly string[]]>([
    ['EXPLAIN ANALYZE', `EXPLAIN ANALYZE ${WRITE}`, ['UPDATE']],
    ['EXPLAIN with the option in brackets', `EXPLAIN (COSTS off, ANALYZE on) ${WRITE}`, ['UPDATE']],
    ['a write inside of a query', `WITH w AS (${WRITE} RETURNING *) SELECT * FROM w`, ['UPDATE', 'SELECT']],
    ['the last of many statements', `SELECT 1; SELECT 2; ${WRITE}`, ['SELECT', 'UPDATE']],
    ['the first of many statements', `${WRITE}; SELECT 1`, ['SELECT', 'UPDATE']],
    ['a write behind a page of blanks', `SELECT 1;${'\n'.repeat(1_000)}${WRITE}`, ['SELECT', 'UPDATE']],
    ['a write behind a carriage return', `SELECT 1; --\r${WRITE}`, ['SELECT', 'UPDATE']],
    ['a lock', 'SELECT * FROM people FOR UPDATE', ['SELECT']],
  ])('%s', async (_, text, verbs) => {
    const holding = await holdingOf()
    const { client } = await holding.connect()
    const running = run(client, [text])
    const { id, digest, subject } = await holding.pending()
    // Whole, to the last character, with every class that is in it.
    expect(subject).toMatchObject({ kind: 'operation', statement: text })
    const found = subject.kind === 'operation' ? subject.verbs : []
    expect(found).toEqual(expect.arrayContaining([...verbs]))
    await holding.gateway.reviews.answer(id, {
      by: DBA,
      address: '192.0.2.9',
      verdict: 'deny',
      comment: undefined,
      digest,
    })
    expect(await running).toContain('denied by')
    expect(await names(holding)).toBe('p1 p2 p3 p4 p5')
  })
})

test('what is too long to be read is refused, and nobody is asked', async () => {
  const holding = await holdingOf()
  const { client } = await holding.connect()
  const text = `SELECT '${'x'.repeat(2 * 1024 * 1024)}'; ${UPDATE}`
  expect(await run(client, [text])).toMatch(/refused by rule "statement-limit"/)
  expect(holding.events.filter(({ kind }) => kind === 'review')).toEqual([])
  expect(await names(holding)).toBe('p1 p2 p3 p4 p5')
})

test('a yes of somebody who lost the right before the last yes does not count', async () => {
  const holding = await holdingOf({ config: text => text.replace('count: 1', 'count: 2') })
  const { client } = await holding.connect()
  const running = run(client, [UPDATE])
  const review = await holding.pending()
  await holding.answer(review, 'approve', DBA)
  const { store, clock } = holding.gateway
  await store.principals.remember({ ...DBA, groups: [] }, new Date(clock.now + 1))
  await holding.answer(review, 'approve', OTHER_DBA)
  expect(await holding.find(review)).toMatchObject({ state: 'pending' })
  await holding.gateway.reviews.withdraw(review.id, 'nobody else is there')
  expect(await running).not.toBe('it ran')
  expect(await names(holding)).toBe('p1 p2 p3 p4 p5')
})

test('one person does not count for two demands, and two do', async () => {
  const more = '  - { name: people-too, when: statement.writes, then: review, approval: a-dba }'
  const holding = await holdingOf({
    config: text => text.replace('\nstatements:\n', `\nstatements:\n${more}\n`),
  })
  const { client } = await holding.connect()
  const running = run(client, [UPDATE])
  const review = await holding.pending()
  await holding.answer(review, 'approve', DBA)
  await expect(holding.answer(review, 'approve', DBA)).rejects.toMatchObject({ code: 'conflict' })
  expect((await holding.find(review)).state).toBe('pending')
  expect(await names(holding)).toBe('p1 p2 p3 p4 p5')
  await holding.answer(review, 'approve', OTHER_DBA)
  expect(await running).toBe('it ran')
})
