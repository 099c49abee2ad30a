import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Arena, startArena } from './arena.js'
import { type Attack, BINARY, SIMPLE, WAYS, type Way } from './attack.js'
import { CORPUS, OWN_ATTACKS } from './attacks.js'
import { canariesIn } from './canaries.js'
import { HARMLESS, REMAINING, UNSTEADY } from './remaining.js'
import { describeLoot, runAttack, type Sides } from './run-attack.js'

/** Beside the simple protocol, an attack of our own goes this many of the other ways, the next one begins elsewhere. */
const WAYS_IN_TURN = 2
/** Every attack in every way: `HOOP_TEST_ALL_WAYS=on`, three times as long. */
const ALL_WAYS = process.env.HOOP_TEST_ALL_WAYS === 'on'

let arena: Arena
beforeAll(async () => {
  arena = await startArena()
}, 120_000)
afterAll(() => arena?.stop())

async function lootOf(attack: Attack, ways: readonly Way[], sides: Sides): Promise<readonly string[]> {
  const lines: string[] = []
  for (const way of ways) {
    const loot = await runAttack(arena, { attack, way, sides })
    const line = loot === undefined ? undefined : describeLoot(loot)
    if (line !== undefined) lines.push(line)
  }
  return lines
}

function sidesOf({ id }: Attack): Sides {
  return UNSTEADY.has(id) ? { connection: 'columns' } : { connection: 'columns', twin: 'twin' }
}

function waysInTurn(index: number): readonly Way[] {
  if (ALL_WAYS) return WAYS
  const others = WAYS.filter(way => way !== SIMPLE)
  const chosen = Array.from(
    { length: WAYS_IN_TURN },
    (_, turn) => (index * WAYS_IN_TURN + turn) % others.length,
  )
  return [SIMPLE, ...others.filter((_, at) => chosen.includes(at))]
}

function check(attack: Attack, ways: readonly Way[]): void {
  const reason = REMAINING[attack.id]
  test(`${attack.id} ${reason === undefined ? 'learns nothing' : `infers: ${reason}`}`, async () => {
    const lines = await lootOf(attack, ways, sidesOf(attack))
    if (reason === undefined) expect(lines.join('\n')).toBe('')
    else expect(lines, 'this is not possible any more: take it out of remaining.ts').not.toEqual([])
  })
}

for (const attack of CORPUS) check(attack, WAYS)
OWN_ATTACKS.forEach((attack, index) => {
  check(attack, waysInTurn(index))
})

test('what remains possible is about attacks that are tried', () => {
  const ids = [...CORPUS, ...OWN_ATTACKS].map(attack => attack.id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(Object.keys(REMAINING).filter(id => !ids.includes(id))).toEqual([])
})

test('with detectors beside the rules, no attack gets a value either', async () => {
  const leaks: string[] = []
  for (const attack of [...CORPUS, ...OWN_ATTACKS]) {
    for (const way of [SIMPLE, BINARY]) {
      const loot = await runAttack(arena, { attack, way, sides: { connection: 'both' } })
      if (loot !== undefined && loot.canaries.length > 0 && REMAINING[attack.id] === undefined)
        leaks.push(`${attack.id} ${describeLoot(loot)}`)
    }
  }
  expect(leaks.join('\n')).toBe('')
}, 180_000)

test('without rules the same attacks do get values, so that the tests above see something', async () => {
  const without: string[] = []
  for (const attack of [...CORPUS, ...OWN_ATTACKS]) {
    const lines = await lootOf(attack, [SIMPLE], { connection: 'open', twin: 'open-twin' })
    if (lines.length === 0) without.push(attack.id)
  }
  expect(without.join('\n')).toBe(Object.keys(HARMLESS).join('\n'))
}, 180_000)

test('recordings and the log of the gateway have no value either', async () => {
  const lines = await arena.recorded(['columns', 'both'])
  expect(lines.length).toBeGreaterThan(CORPUS.length + OWN_ATTACKS.length)
  const leaks = lines.filter(line => canariesIn(Buffer.from(withoutTyped(line))).length > 0)
  expect(leaks.join('\n')).toBe('')
  expect(canariesIn(Buffer.from(arena.stack.gatewayLog()))).toEqual([])
})

/** What people typed is recorded as it is, and numbers count events and rows. What is left came from the database. */
function withoutTyped(line: string): string {
  const { columns, rows, error, message, masked, tag } = JSON.parse(line)
  // A plan shows the constants that were typed; that it shows no others is tested above.
  if (tag === 'EXPLAIN') return ''
  return JSON.stringify({ columns, rows, error, message, masked })
}
