import { type Duplex, duplexPair } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { beforeAll, expect, test } from 'vitest'
import { readRuleName } from '../../../src/domain/names.js'
import { makeHold } from '../../../src/gateway/session/hold.js'
import { Relay } from '../../../src/gateway/session/relay.js'
import { query } from '../../../src/protocols/postgres/codec.js'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { judge } from '../../protocols/postgres/joined-server.js'
import { makeMachine } from '../../protocols/postgres/script.js'
import { makeWaiting } from './waiting-desk.js'

const HELD = 200
/** What one held statement may cost beside its own bytes: the question, the promises and the timers around it. */
const BYTES_EACH_MAX = 32 * 1024
const RULE = readRuleName('writes') ?? expect.unreachable()

beforeAll(loadPostgresGrammar)

/** Bytes in use after a collection. */
function inUse(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  collect()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + external + arrayBuffers
}

test('200 statements that wait cost little more than their bytes', async () => {
  const { options, demand, asked } = makeWaiting()
  const clients: Duplex[] = []
  const relays: Relay[] = []
  for (let at = 0; at < HELD; at += 1) {
    const [client, far] = duplexPair()
    const [target, server] = duplexPair()
    for (const end of [far, server]) end.on('error', () => {}).resume()
    clients.push(far)
    const relay = new Relay({
      client,
      target,
      machine: makeMachine(),
      judge: operation => ({ ...judge(operation), decision: demand(RULE) }),
      hold: makeHold(options),
      recorder: options.recorder,
      onCatalogChanged: () => {},
      onFault: error => {
        throw error
      },
      onActivity: () => {},
    })
    relays.push(relay)
    relay.start()
  }
  judge({ text: statement(0), step: 'run', names: { behind: () => undefined } })
  await new Promise(resolve => setImmediate(resolve))
  const before = inUse()
  for (const [at, client] of clients.entries()) client.write(query(statement(at)))
  await expect.poll(() => asked.length).toBe(HELD)
  const each = (inUse() - before) / HELD
  expect(each).toBeLessThan(BYTES_EACH_MAX)
  for (const relay of relays) relay.end('client_closed')
  await Promise.all(relays.map(relay => relay.ended))
  expect(asked.every(({ state }) => state === 'withdrawn')).toBe(true)
})

const statement = (at: number) => `UPDATE t SET a = ${at} WHERE id = ${at} AND note = '${'x'.repeat(400)}'`
