import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  bind,
  describe as describeMessage,
  execute,
  parse,
  query,
  sync,
} from '../../../src/protocols/postgres/codec.js'
import { sqlOn } from '../../setup/postgres.js'
import { type JoinedServer, maskNamed, startJoined } from './joined-server.js'
import { RawClient } from './raw-client.js'

const DATABASE = 'machine_masking'
let joined: JoinedServer
let hiding: JoinedServer

beforeAll(async () => {
  await sqlOn(inject('postgres'), 'postgres', `CREATE DATABASE ${DATABASE}`)
  await sqlOn(
    inject('postgres'),
    DATABASE,
    `CREATE TABLE people (id int, ssn text, pay int);
     INSERT INTO people SELECT i, '123-45-678' || i, 1000 + i FROM generate_series(1, 3) i`,
  )
  joined = await startJoined({ postgres: inject('postgres'), masking: maskNamed(['ssn', 'pay']) })
  hiding = await startJoined({ postgres: inject('postgres'), masking: maskNamed(['ssn'], true) })
})
afterAll(async () => {
  await joined.stop()
  await hiding.stop()
})

const ALL = 'SELECT id, ssn, pay FROM people ORDER BY id'
const ROWS = ['D 1,[masked],NULL', 'D 2,[masked],NULL', 'D 3,[masked],NULL']

/** What the client sends in each step, and the rows it may see in all of them together. */
async function check(steps: readonly (readonly Buffer[])[], rows: readonly string[]): Promise<void> {
  const client = await RawClient.join(joined.port, DATABASE)
  const lines: string[] = []
  for (const step of steps) lines.push(...(await client.ask(step)))
  client.close()
  expect(lines.filter(line => line.startsWith('D') || line.startsWith('d') || line.startsWith('E'))).toEqual(
    rows,
  )
}

describe('masked means masked', () => {
  test('in a simple query', () => check([[query(ALL)]], ROWS))
  test('in several statements of one text', () =>
    check([[query(`SELECT 1; ${ALL}; SELECT 2`)]], ['D 1', ...ROWS, 'D 2']))
  test('when the client never asks for a description', () =>
    check([[parse({ text: ALL }), bind({}), execute(), sync()]], ROWS))
  test('when it describes the statement once and runs it again and again', () =>
    check(
      [
        [parse({ name: 's', text: ALL }), describeMessage('statement', 's'), sync()],
        [bind({ statement: 's' }), execute(), sync()],
        [bind({ statement: 's' }), execute(), bind({ statement: 's' }), execute(), sync()],
      ],
      [...ROWS, ...ROWS, ...ROWS],
    ))
  test('when a portal is read in pages', () =>
    check(
      [
        [query('BEGIN')],
        [parse({ text: ALL }), bind({ portal: 'p' }), execute('p', 1), sync()],
        [execute('p', 1), execute('p', 1), sync()],
      ],
      ROWS,
    ))
  test('when the description that the client asked for was skipped after an error', () =>
    check(
      [
        [parse({ name: 's', text: ALL }), sync()],
        [query('BEGIN')],
        [query('ROLLBACK')],
        [bind({ statement: 'none' }), describeMessage('portal'), sync()],
        [bind({ statement: 's' }), execute(), sync()],
      ],
      ['E 26000 prepared statement "none" does not exist', ...ROWS],
    ))
  test('in a portal older than the savepoint that skipped its description', () =>
    check(
      [
        [query('BEGIN')],
        [parse({ text: ALL }), bind({ portal: 'old' }), sync()],
        [query('SAVEPOINT a')],
        [bind({ statement: 'none' }), describeMessage('portal', 'old'), sync()],
        [query('ROLLBACK TO a')],
        [execute('old'), sync()],
      ],
      ['E 26000 prepared statement "none" does not exist', ...ROWS],
    ))
  test('in EXECUTE and FETCH', () =>
    check(
      [
        [query(`PREPARE e AS ${ALL}`)],
        [query('EXECUTE e')],
        [query('BEGIN')],
        [query(`DECLARE c CURSOR FOR ${ALL}`)],
        [query('FETCH ALL FROM c')],
        [query('COMMIT')],
      ],
      [...ROWS, ...ROWS],
    ))
  test('in a portal that SQL declared and the protocol runs', () =>
    check(
      [[query('BEGIN')], [query(`DECLARE c2 CURSOR FOR ${ALL}`)], [execute('c2'), sync()], [query('COMMIT')]],
      ROWS,
    ))
  test('in a cursor WITH HOLD after its transaction', () =>
    check(
      [
        [query(`DECLARE held CURSOR WITH HOLD FOR ${ALL}`)],
        [query('FETCH 1 FROM held')],
        [execute('held'), sync()],
      ],
      ROWS,
    ))
  test('when the protocol binds what SQL prepared, and SQL executes what the protocol parsed', () =>
    check(
      [
        [query(`PREPARE sp AS ${ALL}`)],
        [bind({ statement: 'sp' }), execute(), sync()],
        [parse({ name: 'pp', text: ALL }), sync()],
        [query('EXECUTE pp')],
        [query('DISCARD ALL')],
        [parse({ name: 'pp', text: 'SELECT 1' }), bind({ statement: 'pp' }), execute(), sync()],
      ],
      [...ROWS, ...ROWS, 'D 1'],
    ))
  test('when a name is longer than the server compares', () =>
    check(
      [
        [parse({ name: `${'n'.repeat(63)}a`, text: ALL }), sync()],
        [bind({ statement: `${'n'.repeat(63)}b` }), execute(), sync()],
      ],
      ROWS,
    ))
  test('when a column takes the place of another between description and run', () =>
    check(
      [
        [query('CREATE TEMP TABLE swap (a text, ssn text)')],
        [query("INSERT INTO swap VALUES ('open', 'secret')")],
        [parse({ name: 'w', text: 'SELECT * FROM swap' }), describeMessage('statement', 'w'), sync()],
        [
          query(
            'ALTER TABLE swap RENAME a TO b; ALTER TABLE swap RENAME ssn TO a; ALTER TABLE swap RENAME b TO ssn',
          ),
        ],
        [bind({ statement: 'w' }), execute(), sync()],
      ],
      ['E 0A000 cached plan must not change result type'],
    ))
  test('in COPY as text and as CSV, the header passes', () =>
    check(
      [
        [query('COPY people TO STDOUT')],
        [query("COPY people TO STDOUT (FORMAT csv, HEADER, DELIMITER ';')")],
      ],
      [
        ...['d 1\t[masked]\t1001', 'd 2\t[masked]\t1002', 'd 3\t[masked]\t1003'],
        ...['d id;ssn;pay', 'd 1;"[masked]";1001', 'd 2;"[masked]";1002', 'd 3;"[masked]";1003'],
      ],
    ))
  test('in the message of an error', () =>
    check([[query("DO $$ BEGIN RAISE EXCEPTION 'ssn 123-45-6789'; END $$")]], ['E P0001 ssn ***']))
  test('in what LISTEN brings', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    await client.ask([query('LISTEN news')])
    await client.ask([query("NOTIFY news, '123-45-6789'")])
    client.close()
  })
})

test('COPY in binary of what is masked ends the connection', async () => {
  const client = await RawClient.join(joined.port, DATABASE)
  const lines = await client.ask([query('COPY people TO STDOUT (FORMAT binary)')])
  expect(lines.some(line => line.startsWith('d'))).toBe(false)
  expect(lines.at(-1)).toBe('closed')
})

test('results in binary are masked by their type', async () => {
  const client = await RawClient.join(joined.port, DATABASE)
  const lines = await client.ask([parse({ text: ALL }), bind({ resultFormats: [1] }), execute(), sync()])
  expect(lines.filter(line => line.includes('[masked],NULL'))).toHaveLength(3)
  client.close()
})

test('a statement that hides its messages has no detail, hint or context left', async () => {
  const client = await RawClient.join(hiding.port, DATABASE)
  const before = hiding.events.length
  const text =
    "DO $$ BEGIN RAISE EXCEPTION 'x' USING DETAIL = 'a value', HINT = 'a hint', ERRCODE = '22012'; END $$"
  expect(await client.ask([query(text)])).toEqual(['E 22012 x', 'Z I'])
  expect(client.lastError).not.toMatch(/a value|a hint|PL\/pgSQL/)
  expect(hiding.events.slice(before)).toMatchObject([
    { kind: 'operation', statement: text },
    { kind: 'result', outcome: 'failed', error: { code: '22012', message: 'x' } },
  ])
  client.close()
})

describe('the recording', () => {
  test('holds what the client saw', async () => {
    const before = joined.events.length
    const client = await RawClient.join(joined.port, DATABASE)
    await client.ask([
      parse({ text: `${ALL} LIMIT $1` }),
      bind({ values: [Buffer.from('2')] }),
      execute(),
      sync(),
    ])
    client.close()
    expect(joined.events.slice(before)).toEqual([
      expect.objectContaining({ kind: 'prepare', statement: `${ALL} LIMIT $1` }),
      expect.objectContaining({
        kind: 'operation',
        values: ['2'],
        decision: { kind: 'allow', rule: undefined },
      }),
      expect.objectContaining({
        kind: 'result',
        outcome: 'completed',
        tag: 'SELECT 2',
        columns: ['id', 'ssn', 'pay'],
        rows: [
          ['1', '[masked]', null],
          ['2', '[masked]', null],
        ],
        rowCount: 2,
        masked: [
          { column: 'ssn', rule: 'hide-them' },
          { column: 'pay', rule: 'hide-them' },
        ],
      }),
    ])
  })

  test('counts every row and keeps the first', async () => {
    const before = joined.events.length
    const client = await RawClient.join(joined.port, DATABASE)
    await client.ask([query('SELECT i FROM generate_series(1, 5000) i')])
    client.close()
    const events = joined.events.slice(before)
    const rows = events.flatMap(event =>
      event.kind === 'rows' || event.kind === 'result' ? (event.rows ?? []) : [],
    )
    expect(rows).toHaveLength(10)
    expect(events.at(-1)).toMatchObject({ kind: 'result', rowCount: 5000, tag: 'SELECT 5000' })
  })
})

test('a definition makes the catalog stale before the client hears of it, and after the commit again', async () => {
  const client = await RawClient.join(joined.port, DATABASE)
  const before = joined.catalogChanges()
  await client.ask([query('CREATE TABLE made (i int)')])
  expect(joined.catalogChanges() - before).toBe(1)
  await client.ask([query('BEGIN')])
  await client.ask([query('DROP TABLE made')])
  await client.ask([query('COMMIT')])
  expect(joined.catalogChanges() - before).toBe(3)
  client.close()
})

test('a name that stands for two statements while answers are out is not bound', async () => {
  const client = await RawClient.join(joined.port, DATABASE)
  const lines = await client.ask(
    [
      ...[parse({ name: 'x', text: ALL }), sync()],
      ...[parse({ name: 'x', text: 'SELECT 1' }), sync()],
      ...[bind({ statement: 'x' }), execute(), sync()],
    ],
    3,
  )
  expect(lines.filter(line => line.startsWith('D'))).toEqual([])
  expect(lines.filter(line => line.startsWith('E'))[1]).toMatch(/^E 42501 refused by rule "ambiguous-name"/)
  client.close()
})
