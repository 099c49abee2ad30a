import { beforeAll, describe, expect, test } from 'vitest'
import { makeReviewId } from '../../../src/domain/ids.js'
import { type Holding, makeHeldDatabase, makeHolding } from './held-fixture.js'

const DATABASE = 'broken_glass'
const REVIEW = makeReviewId(size => Buffer.alloc(size, 7))
const GLASS = `
  - { name: emergency, groups: [engineering], connections: [prod-db], roles: [writer], for: 15m, break_glass: true, approval: a-dba }`
const UPDATE = "UPDATE people SET name = 'changed' WHERE id = 1"
const ONE = `rule "writes-need-a-dba" would have held this; the glass is broken, review ${REVIEW}`

beforeAll(() => makeHeldDatabase(DATABASE))

async function breakGlass(): Promise<Holding> {
  const holding = await makeHolding({
    database: DATABASE,
    config: text => text.replace(/\naccess:/, `$&${GLASS}`),
    grant: { breakGlass: true, review: REVIEW },
  })
  await holding.sql("UPDATE people SET name = 'p' || id")
  return holding
}

const decisions = ({ events }: Holding) =>
  events.flatMap(event => (event.kind === 'operation' ? [event.decision] : []))
const questions = ({ events }: Holding) => events.filter(({ kind }) => kind === 'review')

interface Expected {
  readonly notices: readonly string[]
  /** Rules that the recording names for each operation; undefined where none was lifted. */
  readonly lifted: readonly (readonly string[] | undefined)[]
}

/** Runs statements one after another, each with its values. Nobody is asked. */
async function check(
  statements: readonly (readonly [text: string, values?: readonly unknown[]])[],
  expected: Expected,
  rule?: string,
): Promise<void> {
  const holding = await breakGlass()
  if (rule !== undefined) holding.reload(rule)
  const { client, notices } = await holding.connect()
  for (const [text, values] of statements) await client.query(text, values && [...values])
  expect(notices).toEqual(expected.notices)
  const lifted = decisions(holding).map(decision => (decision.kind === 'allow' ? decision.lifted : 'denied'))
  expect(lifted).toEqual(expected.lifted)
  expect(questions(holding)).toEqual([])
  const recorded = holding.events.flatMap(event => (event.kind === 'notice' ? [event.message] : []))
  expect(recorded).toEqual(expected.notices)
}

const WRITES = ['writes-need-a-dba'] as const

describe('where the glass is broken, a statement that would have been held', () => {
  test('runs at once, and the client and the recording are told which rule was lifted', () =>
    check([[UPDATE]], { notices: [ONE], lifted: [WRITES] }))
  test('says so once when it is parsed and run apart', () =>
    check([['UPDATE people SET name = $1 WHERE id = 1', ['bound']]], { notices: [ONE], lifted: [WRITES] }))
  test('says so each time, and nothing is said of others', () =>
    check([[UPDATE], ['SELECT 1'], [UPDATE]], { notices: [ONE, ONE], lifted: [WRITES, undefined, WRITES] }))
  test('says so for what stands behind EXECUTE', () =>
    check([[`PREPARE p AS ${UPDATE}`], ['EXECUTE p']], { notices: [ONE, ONE], lifted: [WRITES, WRITES] }))
  test('names every rule that would have held it', () =>
    check(
      [[UPDATE]],
      {
        notices: [ONE.replace('rule "', 'rules "people-too" and "')],
        lifted: [['people-too', ...WRITES]],
      },
      `  - { name: people-too, when: '"public.people" in statement.tables', then: review, approval: a-dba }`,
    ))
})

test('a broken glass lifts no denial, and says nothing of a lifted rule beside one', async () => {
  const holding = await breakGlass()
  const { client, notices } = await holding.connect()
  await expect(client.query('INSERT INTO secrets VALUES (1)')).rejects.toMatchObject({
    code: '42501',
    message: expect.stringContaining('secrets are secret'),
  })
  expect(notices).toEqual([])
  expect(decisions(holding)).toMatchObject([{ kind: 'deny', rule: 'no-secrets' }])
  expect(await holding.sql('SELECT count(*) FROM secrets')).toBe('0')
})
