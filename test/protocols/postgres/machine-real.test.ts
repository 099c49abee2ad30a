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
} from '../../../src/protocols/postgres/codec.js'
import { sqlOn } from '../../setup/postgres.js'
import { FORBIDDEN, type JoinedServer, startJoined } from './joined-server.js'
import { RawClient } from './raw-client.js'

const DATABASE = 'machine_real'
let joined: JoinedServer
let later: JoinedServer

beforeAll(async () => {
  await sqlOn(inject('postgres'), 'postgres', `CREATE DATABASE ${DATABASE}`)
  await sqlOn(inject('postgres'), DATABASE, 'CREATE TABLE items (id int PRIMARY KEY, name text)')
  joined = await startJoined({ postgres: inject('postgres') })
  later = await startJoined({ postgres: inject('postgres'), judgesLater: true })
})
afterAll(async () => {
  await joined.stop()
  await later.stop()
})

/** One thing a client sends: its bytes, how many ReadyForQuery end it, and the lines that a refusal answers with. */
interface Step {
  readonly bytes: readonly Buffer[]
  readonly readies?: number
  readonly refused?: readonly string[]
}

const REFUSAL = 'E 42501 refused by rule "no-forbidden": it is forbidden'
const q = (text: string): Step => ({ bytes: [query(text)] })
const no = (text: string, status = 'I'): Step => ({
  bytes: [query(`${FORBIDDEN} ${text}`)],
  refused: [REFUSAL, `Z ${status}`],
})
const run = (text: string, name = ''): readonly Buffer[] => [
  parse({ name, text }),
  bind({ statement: name }),
  describeMessage('portal'),
  execute(),
]
const ext = (...parts: readonly (readonly Buffer[])[]): Step => ({ bytes: [...parts.flat(), sync()] })
const noExt = (parts: readonly (readonly Buffer[])[], lines: readonly string[]): Step => ({
  bytes: [...parts.flat(), sync()],
  refused: lines,
})

const TRANSCRIPTS: Readonly<Record<string, readonly Step[]>> = {
  autocommit: [q('INSERT INTO items VALUES (1, $$a$$)'), no('DROP TABLE items'), q('SELECT * FROM items')],
  'several statements in one text': [
    q('SELECT 1; SELECT 2'),
    no('DELETE FROM items; DROP TABLE items'),
    q('SELECT count(*) FROM items'),
  ],
  'an error between': [q('SELECT 1/0'), no('DROP TABLE items'), q('SELECT 1')],
  'a COPY before and after': [
    { bytes: [query('COPY items TO STDOUT')] },
    no('DROP TABLE items'),
    { bytes: [query('COPY items TO STDOUT')] },
  ],
  'prepared statements': [
    ext([parse({ name: 's', text: 'SELECT 7' })]),
    noExt([[parse({ name: 't', text: `${FORBIDDEN} DROP TABLE items` })]], [REFUSAL, 'Z I']),
    ext([bind({ statement: 's' }), execute()]),
    ext([close('statement', 's')]),
  ],
  'a named statement refused in its place': [
    ext([parse({ name: 'u', text: 'SELECT 8' })]),
    noExt(
      [[parse({ name: 'u', text: `${FORBIDDEN} SELECT 9` }), bind({ statement: 'u' }), execute()]],
      [REFUSAL, 'Z I'],
    ),
    ext([bind({ statement: 'u' }), execute()]),
  ],
  'portals paged': [
    { bytes: [query('BEGIN')] },
    ext([parse({ text: 'SELECT generate_series(1, 5)' }), bind({ portal: 'p' }), execute('p', 2)]),
    ext([execute('p', 2)]),
    ext([execute('p', 2)]),
    { bytes: [query('COMMIT')] },
  ],
}

describe('the transcript with refusals removed is the transcript of what was allowed', () => {
  for (const [name, steps] of Object.entries(TRANSCRIPTS)) {
    test.each(['at once', 'later'])(`${name}, judged %s`, async when => {
      const port = when === 'later' ? later.port : joined.port
      await sqlOn(inject('postgres'), DATABASE, 'TRUNCATE items')
      const reference = await RawClient.direct(inject('postgres'), DATABASE)
      const expected: string[] = []
      for (const step of steps)
        expected.push(...(step.refused ?? (await reference.ask(step.bytes, step.readies))))
      reference.close()
      await sqlOn(inject('postgres'), DATABASE, 'TRUNCATE items')
      const client = await RawClient.join(port, DATABASE)
      const seen: string[] = []
      for (const step of steps) seen.push(...(await client.ask(step.bytes, step.readies)))
      client.close()
      expect(seen).toEqual(expected)
    })
  }
})

describe('a refusal', () => {
  test('aborts an open transaction, as any error does', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    await client.ask([query('BEGIN')])
    expect(await client.ask([query(`${FORBIDDEN} SELECT 1`)])).toEqual([REFUSAL, 'Z E'])
    expect(await client.ask([query(`${FORBIDDEN} SELECT 1`)])).toEqual([REFUSAL, 'Z E'])
    expect((await client.ask([query('SELECT 1')]))[0]).toMatch(/^E 25P02/)
    expect(await client.ask([query('ROLLBACK')])).toEqual(['C ROLLBACK', 'Z I'])
    client.close()
  })

  test('in the middle of a pipeline answers in its place and skips to Sync', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    const bytes = [
      ...run('SELECT 1'),
      ...run(`${FORBIDDEN} SELECT 2`),
      ...run('SELECT 3'),
      sync(),
      ...run('SELECT 4'),
      sync(),
    ]
    expect(await client.ask(bytes, 2)).toEqual([
      ...['1', '2', 'T ?column?', 'D 1', 'C SELECT 1', REFUSAL, 'Z I'],
      ...['1', '2', 'T ?column?', 'D 4', 'C SELECT 1', 'Z I'],
    ])
    client.close()
  })

  test('undoes what the same pipeline did before it', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    await client.ask([query('DELETE FROM items')])
    await client.ask([...run('INSERT INTO items VALUES (5)'), ...run(`${FORBIDDEN} SELECT 2`), sync()])
    expect(await client.ask([query('SELECT count(*) FROM items')])).toContain('D 0')
    client.close()
  })

  test('comes at Execute too, when the statement was prepared before', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    await client.ask([query('BEGIN')])
    const lines = await client.ask([
      parse({ text: 'SELECT 1' }),
      bind({}),
      execute('nowhere'),
      execute(),
      sync(),
    ])
    expect(lines).toEqual(['1', '2', 'E 34000 portal "nowhere" does not exist', 'Z E'])
    client.close()
  })

  test('of a function call leaves the connection usable', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    const call = Buffer.from([0x46, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    const lines = await client.ask([call, query('SELECT 1')], 2)
    expect(lines[0]).toMatch(/^E 42501 refused by rule "no-function-call"/)
    expect(lines.slice(1)).toEqual(['Z I', 'T ?column?', 'D 1', 'C SELECT 1', 'Z I'])
    client.close()
  })

  test('of a statement over the limit leaves the connection usable', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    const large = query(`SELECT '${'x'.repeat(3_000_000)}'`)
    const lines = await client.ask([large, query('SELECT 1')], 2)
    expect(lines[0]).toMatch(/^E 54000 refused by rule "statement-limit"/)
    expect(lines.slice(1)).toEqual(['Z I', 'T ?column?', 'D 1', 'C SELECT 1', 'Z I'])
    client.close()
  })

  test('of text that is not UTF-8 leaves the connection usable', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    const bytes = query('SELECT 1 --é')
    bytes[bytes.length - 2] = 0xff
    expect((await client.ask([bytes]))[0]).toMatch(/^E 42501 refused by rule "not-understood"/)
    expect(await client.ask([query('SELECT 1')])).toContain('D 1')
    client.close()
  })
})

describe('COPY FROM STDIN', () => {
  const data = (text: string) =>
    Buffer.concat([Buffer.from([0x64, 0, 0, 0, 4 + text.length]), Buffer.from(text)])
  const done = Buffer.from([0x63, 0, 0, 0, 4])
  const checkItems = async (client: RawClient, count: number) =>
    expect(await client.ask([query('SELECT count(*) FROM items')])).toContain(`D ${count}`)

  test.each(['at once', 'later'])('passes, one message at a time or all at once, judged %s', async when => {
    const client = await RawClient.join(when === 'later' ? later.port : joined.port, DATABASE)
    await client.ask([query('TRUNCATE items')])
    client.send(query('COPY items FROM STDIN'))
    expect(await client.until(line => line === 'G')).toEqual(['G'])
    expect(await client.ask([data('1\ta\n'), data('2\tb\n'), done])).toEqual(['C COPY 2', 'Z I'])
    expect(await client.ask([query('COPY items FROM STDIN'), data('3\tc\n'), done])).toEqual([
      'G',
      'C COPY 1',
      'Z I',
    ])
    await checkItems(client, 3)
    client.close()
  })

  test('in the extended protocol ignores the Sync inside of it', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    await client.ask([query('TRUNCATE items')])
    client.send(parse({ text: 'COPY items FROM STDIN' }), bind({}), execute(), sync())
    expect(await client.until(line => line === 'G')).toEqual(['1', '2', 'G'])
    expect(await client.ask([data('1\ta\n'), done, sync()])).toEqual(['C COPY 1', 'Z I'])
    await checkItems(client, 1)
    client.send(
      parse({ text: 'COPY items FROM STDIN' }),
      bind({}),
      execute(),
      sync(),
      data('2\ta\n'),
      done,
      sync(),
    )
    expect(await client.until(line => line.startsWith('Z'))).toEqual(['1', '2', 'G', 'C COPY 1', 'Z I'])
    await checkItems(client, 2)
    client.close()
  })

  test('ignores a Sync among its data', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    await client.ask([query('TRUNCATE items')])
    client.send(query('COPY items FROM STDIN'))
    await client.until(line => line === 'G')
    expect(await client.ask([data('1\ta\n'), sync(), flush(), sync(), data('2\tb\n'), done])).toEqual([
      'C COPY 2',
      'Z I',
    ])
    await checkItems(client, 2)
    expect(joined.machines.at(-1)?.isBusy).toBe(false)
    client.close()
  })

  test('that fails in the extended protocol answers the Sync, whichever it reads', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    await client.ask([query('TRUNCATE items; CREATE OR REPLACE VIEW seen AS SELECT * FROM items')])
    const lines = await client.ask([parse({ text: 'COPY seen FROM STDIN' }), bind({}), execute(), sync()])
    expect(lines.at(-1)).toBe('Z I')
    expect(lines.at(-2)).toMatch(/^E 42809/)
    await checkItems(client, 0)
    client.send(parse({ text: 'COPY items FROM STDIN' }), bind({}), execute(), sync())
    await client.until(line => line === 'G')
    const failed = await client.ask([data('nonsense\n'), done, sync()])
    expect(failed[0]).toMatch(/^E 22P02/)
    await checkItems(client, 0)
    await checkItems(client, 0)
    client.close()
  })

  test('that fails lets the client finish sending', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    client.send(query('COPY items FROM STDIN'))
    await client.until(line => line === 'G')
    const failed = await client.ask([data('nonsense\n')])
    expect(failed[0]).toMatch(/^E 22P02/)
    client.send(data('more\n'), done)
    await checkItems(client, 0)
    client.close()
  })

  test('ends the connection when a Query comes instead of data', async () => {
    const client = await RawClient.join(joined.port, DATABASE)
    client.send(query('COPY items FROM STDIN'))
    await client.until(line => line === 'G')
    expect(await client.ask([query('SELECT 1')])).toEqual([
      'E 08P01 hoop ended this session: message "Q" is not expected here',
      'closed',
    ])
  })
})

test('Flush brings answers before Sync', async () => {
  const client = await RawClient.join(joined.port, DATABASE)
  client.send(...run('SELECT 1'), flush())
  expect(await client.until(line => line.startsWith('C'))).toEqual([
    '1',
    '2',
    'T ?column?',
    'D 1',
    'C SELECT 1',
  ])
  expect(await client.ask([sync()])).toEqual(['Z I'])
  client.close()
})
