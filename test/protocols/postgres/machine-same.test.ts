import fc from 'fast-check'
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
import { HELD, type JoinedServer, maskNamed, startJoined } from './joined-server.js'
import { RawClient } from './raw-client.js'

const DATABASE = 'machine_same'
const RUNS = 40
let plain: JoinedServer
let masking: JoinedServer
let holding: JoinedServer

beforeAll(async () => {
  await sqlOn(inject('postgres'), 'postgres', `CREATE DATABASE ${DATABASE}`)
  await sqlOn(
    inject('postgres'),
    DATABASE,
    'CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, $$x$$), (2, $$y$$)',
  )
  plain = await startJoined({ postgres: inject('postgres') })
  holding = await startJoined({ postgres: inject('postgres'), holds: true })
  masking = await startJoined({
    postgres: inject('postgres'),
    masking: maskNamed(['no such column']),
    judgesLater: true,
  })
})
afterAll(async () => {
  await plain.stop()
  await masking.stop()
  await holding.stop()
})

const TEXTS = [
  'SELECT * FROM t ORDER BY a',
  'SELECT 1/0',
  'SELECT',
  '',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SAVEPOINT a',
  'ROLLBACK TO a',
  'PREPARE s AS SELECT a FROM t ORDER BY a',
  'EXECUTE s',
  'DEALLOCATE ALL',
  'DECLARE p CURSOR FOR SELECT b FROM t ORDER BY a',
  'FETCH 1 FROM p',
  'SELECT 1; SELECT 2/0; SELECT 3',
  'SHOW no_such_setting',
  'PREPARE t AS SELECT b FROM t; SELECT 1/0; PREPARE s AS SELECT 5',
  'DEALLOCATE s; PREPARE s AS SELECT 6',
  'DECLARE q CURSOR WITH HOLD FOR SELECT a FROM t ORDER BY a',
  'CLOSE ALL',
  'DISCARD ALL',
  'SELECT generate_series(1, 3)',
]
const text = fc.constantFrom(...TEXTS)
const name = fc.constantFrom('', 's', 't')
const portal = fc.constantFrom('', 'p', 'q')
const kind = fc.constantFrom('statement' as const, 'portal' as const)
const message = fc.oneof(
  fc.tuple(name, text).map(([of, what]) => parse({ name: of, text: what })),
  fc.tuple(portal, name).map(([to, of]) => bind({ portal: to, statement: of })),
  fc.tuple(portal, fc.nat({ max: 2 })).map(([of, rows]) => execute(of, rows)),
  fc.tuple(kind, name, portal).map(([of, one, other]) => describeMessage(of, of === 'portal' ? other : one)),
  fc.tuple(kind, name, portal).map(([of, one, other]) => close(of, of === 'portal' ? other : one)),
  fc.constant(flush()),
)
const batch = fc.oneof(
  { weight: 1, arbitrary: text.map(what => [query(what)]) },
  { weight: 3, arbitrary: fc.array(message, { maxLength: 6 }).map(messages => [...messages, sync()]) },
)
const scripts = fc.array(batch, { minLength: 1, maxLength: 10 })

/**
 * In an aborted transaction the server keeps the unnamed portal of the statement that failed, and says that instead of
 * that there is none.
 */
function alike(lines: readonly string[]): readonly string[] {
  return lines
    .filter(line => !line.endsWith(HELD))
    .map(line => line.replace(/^E (34000 portal|25P02) .*/, 'E no portal'))
}

async function check(script: readonly (readonly Buffer[])[], joined: JoinedServer): Promise<void> {
  const direct = await RawClient.direct(inject('postgres'), DATABASE)
  const client = await RawClient.join(joined.port, DATABASE)
  try {
    for (const messages of script) {
      const expected = await direct.ask(messages)
      expect(alike(await client.ask(messages))).toEqual(alike(expected))
    }
    expect(joined.machines.at(-1)?.isBusy).toBe(false)
  } finally {
    direct.close()
    client.close()
  }
}

describe('whatever is said, the answers are those of the server', () => {
  test('when nothing is masked', () =>
    fc.assert(
      fc.asyncProperty(scripts, script => check(script, plain)),
      { numRuns: RUNS },
    ))
  test('when everything waits for people, who agree', () =>
    fc.assert(
      fc.asyncProperty(scripts, script => check(script, holding)),
      { numRuns: RUNS },
    ))
  test('when descriptions of our own are slipped in and verdicts come later', () =>
    fc.assert(
      fc.asyncProperty(scripts, script => check(script, masking)),
      { numRuns: RUNS },
    ))
})
