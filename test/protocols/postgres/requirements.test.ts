import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  bind,
  close,
  describe as describeMessage,
  execute,
  flush,
  parse,
  query,
  sync,
  writeMessage,
} from '../../../src/protocols/postgres/codec.js'
import { sqlOn } from '../../setup/postgres.js'
import { FORBIDDEN, type JoinedServer, maskNamed, startJoined } from './joined-server.js'
import { RawClient } from './raw-client.js'

const DATABASE = 'requirements'
let joined: JoinedServer

beforeAll(async () => {
  await sqlOn(inject('postgres'), 'postgres', `CREATE DATABASE ${DATABASE}`)
  await sqlOn(
    inject('postgres'),
    DATABASE,
    "CREATE TABLE people (id int, ssn text); INSERT INTO people SELECT i, '123-45-678' || i FROM generate_series(1, 2) i",
  )
  joined = await startJoined({ postgres: inject('postgres'), masking: maskNamed(['ssn']) })
})
afterAll(() => joined.stop())

const BAIT = 'SELECT id, id::text AS b FROM people ORDER BY id'
const ALL = 'SELECT id, ssn FROM people ORDER BY id'
const SHOWN = ['D 1,1', 'D 2,2']
const MASKED = ['D 1,[masked]', 'D 2,[masked]']

/** Rows and errors that come of steps, each of which ends in one ReadyForQuery. */
async function check(steps: readonly (readonly Buffer[])[], expected: readonly string[]): Promise<void> {
  const client = await RawClient.join(joined.port, DATABASE)
  const lines: string[] = []
  for (const step of steps) lines.push(...(await client.ask(step)))
  client.close()
  expect(lines.filter(line => /^[DdEV]/.test(line))).toEqual(expected)
}

const run = (name: string) => [bind({ statement: name }), execute(), sync()]
const described = (name: string, text: string) => [
  parse({ name, text }),
  describeMessage('statement', name),
  ...run(name),
]

describe('a name that stands for another statement has none of the first one’s columns (X-3, XP-11)', () => {
  test('after Close', () =>
    check(
      [described('s', BAIT), [close('statement', 's'), parse({ name: 's', text: ALL }), ...run('s')]],
      [...SHOWN, ...MASKED],
    ))
  test('after DEALLOCATE', () =>
    check(
      [described('s', BAIT), [query('DEALLOCATE s')], [parse({ name: 's', text: ALL }), ...run('s')]],
      [...SHOWN, ...MASKED],
    ))
  test('after DISCARD ALL, when SQL makes it', () =>
    check(
      [
        described('s', BAIT),
        [query('DISCARD ALL')],
        [query(`PREPARE s AS ${ALL}`)],
        run('s'),
        [query('EXECUTE s')],
      ],
      [...SHOWN, ...MASKED, ...MASKED],
    ))
  test('after a Parse that failed, which leaves a named one as it was', () =>
    check(
      [described('s', ALL), [parse({ name: 's', text: BAIT }), sync()], run('s')],
      [...MASKED, 'E 42P05 prepared statement "s" already exists', ...MASKED],
    ))
  test('after a Parse that failed, which takes the unnamed one away', () =>
    check(
      [described('', BAIT), [parse({ text: 'SELECT nope FROM people' }), sync()], run('')],
      [...SHOWN, 'E 42703 column "nope" does not exist', 'E 26000 unnamed prepared statement does not exist'],
    ))
})

test('rows are masked when Flush asks for them and no Sync ever comes (XP-12)', async () => {
  const client = await RawClient.join(joined.port, DATABASE)
  client.send(parse({ text: ALL }), bind({}), execute('', 1), flush())
  const first = await client.until(line => line === 's')
  client.send(execute(), flush())
  const rest = await client.until(line => line.startsWith('C'))
  client.close()
  expect([...first, ...rest].filter(line => line.startsWith('D'))).toEqual(MASKED)
})

test('after an error in a pipeline nothing of it runs, and one ReadyForQuery ends it (X-7)', () =>
  check(
    [
      [
        parse({ text: 'CREATE TABLE made (a int)' }),
        bind({}),
        execute(),
        parse({ text: `${FORBIDDEN} SELECT 1` }),
        bind({}),
        execute(),
        parse({ text: ALL }),
        bind({}),
        execute(),
        sync(),
      ],
      [query("SELECT to_regclass('made')")],
    ],
    ['E 42501 refused by rule "no-forbidden": it is forbidden', 'D NULL'],
  ))

test('a function call gives no value, and the next statement works (X-5)', async () => {
  // query_to_xml, whose argument would be a statement that nobody read.
  const call = writeMessage('F', Buffer.concat([Buffer.from([0, 0, 0x0b, 0x6d]), Buffer.alloc(6)]))
  await check(
    [[call], [query(ALL)]],
    [
      'E 42501 refused by rule "no-function-call": a function call without a statement cannot be judged',
      ...MASKED,
    ],
  )
})
