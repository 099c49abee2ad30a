import { afterAll, beforeAll, expect, test } from 'vitest'
import { bind, describe, execute, parse, query, sync } from '../../src/protocols/postgres/codec.js'
import { type Arena, startArena } from '../adversary/arena.js'
import { transcriptOf, type Wire } from '../adversary/wire.js'
import { HONEST_STATEMENTS } from './masked-statements.js'

let arena: Arena
let gateway: Wire
let database: Wire

beforeAll(async () => {
  arena = await startArena()
  gateway = await arena.wire('columns', 'analyst')
  database = await arena.direct('analyst')
}, 120_000)
afterAll(() => arena?.stop())

const FORMS = {
  simple: (text: string) => query(text),
  'extended in text': (text: string) => extended(text, [0]),
  'extended in binary': (text: string) => extended(text, [1]),
} as const

function extended(text: string, resultFormats: readonly number[]): Buffer {
  return Buffer.concat([parse({ text }), bind({ resultFormats }), describe('portal'), execute(), sync()])
}

test.each(HONEST_STATEMENTS)(
  'with masked columns beside it, the answer is the database’s: %s',
  async text => {
    for (const [form, messages] of Object.entries(FORMS)) {
      const [through, direct] = [await gateway.ask(messages(text)), await database.ask(messages(text))]
      // Readable first; then every byte.
      expect(transcriptOf(through), form).toEqual(transcriptOf(direct))
      expect(through.equals(direct), form).toBe(true)
    }
  },
)
