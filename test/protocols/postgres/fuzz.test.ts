import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { checkScript } from './fuzz/check-script.js'
import { checkClientStart, checkTargetStart, clientStart, targetStart } from './fuzz/check-start.js'
import { conversation } from './fuzz/conversations.js'
import { readKept, writeScript } from './fuzz/kept.js'
import { fuzzed } from './fuzz/mutations.js'

/** Seconds to look for new ones, for each; what is found goes to test/corpus/fuzz under a name. */
const SECONDS = Number(process.env.HOOP_TEST_FUZZ_SECONDS ?? 3)
const RUNS_MAX = 1_000_000_000

beforeAll(loadPostgresGrammar)

describe('a conversation that was kept', () => {
  const kept = readKept()
  test('is there', () => expect(kept.length).toBeGreaterThan(10))
  test.each(kept)('$name', ({ script }) => checkScript(script))
})

const GAMES = {
  'whatever either side says in a session, the machine keeps its promises': [
    fuzzed(conversation),
    checkScript,
  ],
  'whatever a client says to get in, only the secret lets it in': [
    fuzzed(fc.constant(clientStart())),
    checkClientStart,
  ],
  'whatever a target says at the start, the password stays': [fuzzed(targetStart), checkTargetStart],
} as const

test.each(Object.entries(GAMES))(
  '%s',
  (_name, [scripts, check]) => {
    const promise = fc.property(scripts, script => {
      try {
        check(script)
      } catch (cause) {
        throw new Error(`to be kept in test/corpus/fuzz:\n${writeScript(script)}`, { cause })
      }
    })
    const interruptAfterTimeLimit = SECONDS * 1000
    fc.assert(promise, {
      numRuns: RUNS_MAX,
      interruptAfterTimeLimit,
      skipAllAfterTimeLimit: interruptAfterTimeLimit,
    })
  },
  SECONDS * 1000 + 60_000,
)
