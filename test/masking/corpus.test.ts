import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { MaskingRule } from '../../src/domain/masking-rule.js'
import { readRuleName } from '../../src/domain/names.js'
import { type Masker, makeMasker } from '../../src/masking/masker.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { openShop, type Seen, type ShopDatabase } from './shop-database.js'

/** Statements that try to get around masking, with what they did to other gateways. */
const CORPUS: readonly { readonly id: string; readonly title: string; readonly steps: readonly unknown[] }[] =
  JSON.parse(readFileSync(new URL('../corpus/postgres.json', import.meta.url), 'utf8'))

const PII = readRuleName('pii')
const RULES: readonly MaskingRule[] =
  PII === undefined
    ? []
    : [
        {
          kind: 'column',
          name: PII,
          columns: [
            '*.customers.ssn',
            '*.customers.card',
            '*.customers.salary',
            '*.customers.notes',
            '*.ev_parent.ssn',
          ],
          strategy: { kind: 'redact' },
        },
      ]

/** Every form in which a value of the protected columns could be recognised. */
const SECRETS = [
  ...[
    '123-45-6789',
    '123456789',
    '987-65-4321',
    '987654321',
    '9876-54-321',
    '4111111111111111',
    '5500005555555559',
  ],
  ...['5100', '7200', '01e7b02ef03f1d5ac9b1b1ac1a4b1a5b', '3132332d34352d36373839', '864197523'],
]

let shop: ShopDatabase
let masker: Masker

beforeAll(async () => {
  await loadPostgresGrammar()
  shop = await openShop(inject('postgres'), 'masking_corpus')
  masker = makeMasker({ rules: RULES, catalog: await shop.readCatalog(), hashKey: Buffer.alloc(32, 1) })
})
afterAll(() => shop.close())

/** What comes of each step: `refused`; `clear` values, `masked` when at least one is; `fails` in the server. */
function outcome(seen: Seen): string {
  if (seen.kind === 'refused') return 'refused'
  if (seen.failed) return 'fails'
  return seen.values.some(value => value === '[masked]' || value === '"[masked]"' || value === null)
    ? 'masked'
    : 'clear'
}

function leaks(seen: Seen): readonly string[] {
  if (seen.kind === 'refused') return []
  const shown = [...seen.values, ...seen.messages].filter(value => value !== null)
  return SECRETS.filter(secret => shown.some(value => value.includes(secret)))
}

/** Runs the steps of one attack as they are; nothing that is protected may be seen at any of them. */
function check(id: string, expected: string): void {
  const attack = CORPUS.find(one => one.id === id)
  test(`${id} ${attack?.title ?? ''}: ${expected}`, async () => {
    const outcomes: string[] = []
    for (const step of attack?.steps ?? []) {
      const seen = await shop.see(textOf(step), masker)
      expect(leaks(seen)).toEqual([])
      outcomes.push(outcome(seen))
    }
    await shop.run('ROLLBACK')
    expect(outcomes.join(' ')).toBe(expected)
  })
}

function textOf(step: unknown): string {
  if (typeof step === 'string') return step
  const hex = typeof step === 'object' && step !== null && 'hex' in step ? String(step.hex) : ''
  return Buffer.from(hex, 'hex').toString('latin1')
}

check('PG-01', 'masked')
check('PG-03', 'masked')
check('PG-05', 'masked')
check('PG-07', 'masked')
check('PG-09', 'masked')
check('PG-11', 'masked')
check('PG-13', 'masked')
check('PG-15', 'masked')
check('PG-17', 'masked')
check('PG-19', 'masked')
check('PG-21', 'masked')
check('PG-23', 'masked')
check('PG-25', 'masked')
check('PG-27', 'refused fails')
check('PG-29', 'masked')
check('PG-31', 'clear masked')
check('PG-33', 'masked')
check('PG-35', 'masked')
check('PG-37', 'clear refused clear clear')
check('PG-39', 'refused')
check('PG-41', 'refused')
check('PG-45', 'clear refused clear')
check('PG-47', 'refused fails')
check('PG-49', 'refused clear')
check('PG-51', 'refused')
check('PG-53', 'refused clear')
check('PG-55', 'refused masked')
check('PG-57', 'masked')
check('PG-67', 'masked')
check('PG-69', 'masked')
check('PG-71', 'clear clear clear')
