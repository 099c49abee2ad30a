import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MaskStrategy } from '../../src/domain/masking-rule.js'
import { cellMask } from '../../src/masking/cell-mask.js'
import { type ValueType, valueTypeOf } from '../../src/masking/value-type.js'

const KEY = Buffer.alloc(32, 7)
const REDACT: MaskStrategy = { kind: 'redact' }
const LAST4: MaskStrategy = { kind: 'keep-last', count: 4 }
const HASH: MaskStrategy = { kind: 'hash' }
const NULL: MaskStrategy = { kind: 'null' }

interface Case {
  readonly strategy: MaskStrategy
  readonly type: ValueType
  readonly format?: 'text' | 'binary'
  readonly value: string | Buffer
}

function mask({ strategy, type, format = 'text', value }: Case): Buffer | null {
  return cellMask({ strategy, type, format, hashKey: KEY })(
    typeof value === 'string' ? Buffer.from(value) : value,
  )
}

function check(name: string, input: Case, expected: string | Buffer | null): void {
  test(name, () => {
    expect(mask(input)).toEqual(typeof expected === 'string' ? Buffer.from(expected) : expected)
  })
}

check('redact replaces a text', { strategy: REDACT, type: 'text', value: 'Ann' }, '[masked]')
check(
  'redact is the same in binary',
  { strategy: REDACT, type: 'text', format: 'binary', value: 'Ann' },
  '[masked]',
)
check('redact leaves JSON valid', { strategy: REDACT, type: 'json', value: '{"a":1}' }, '"[masked]"')
check('redact leaves jsonb valid', { strategy: REDACT, type: 'jsonb', value: '{"a":1}' }, '"[masked]"')
check(
  'redact keeps the version of binary jsonb',
  { strategy: REDACT, type: 'jsonb', format: 'binary', value: '\x01{}' },
  '\x01"[masked]"',
)
for (const type of ['uuid', 'int8', 'numeric', 'bytea', 'numbers', 'rigid', 'opaque'] as const) {
  check(`redact makes ${type} NULL`, { strategy: REDACT, type, value: '1' }, null)
  check(`keep-last makes ${type} NULL`, { strategy: LAST4, type, value: '12345678' }, null)
}
for (const type of ['text', 'json', 'jsonb', 'uuid', 'int8', 'opaque'] as const) {
  check(`null makes ${type} NULL`, { strategy: NULL, type, value: 'x' }, null)
}
for (const type of ['json', 'jsonb', 'int8', 'numeric', 'rigid', 'opaque', 'bytea'] as const) {
  check(`hash makes ${type} NULL`, { strategy: HASH, type, value: '{}' }, null)
}

check('keep-last keeps separators', { strategy: LAST4, type: 'text', value: '123-45-6789' }, '***-**-6789')
check('keep-last masks a short value entirely', { strategy: LAST4, type: 'text', value: '1-23' }, '*-**')
check('keep-last masks an exact value entirely', { strategy: LAST4, type: 'text', value: '1234' }, '****')
check('keep-last of nothing is nothing', { strategy: LAST4, type: 'text', value: '' }, '')
check('keep-last counts characters', { strategy: LAST4, type: 'text', value: 'Zoë Müller' }, '*** **ller')
check('keep-last takes no character apart', { strategy: LAST4, type: 'text', value: 'ab😀cdé' }, '**😀cdé')
check(
  'keep-last masks what is not UTF-8 whole',
  { strategy: LAST4, type: 'text', value: Buffer.from([0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72]) },
  '[masked]',
)

test('hash is stable under a key, and another key gives another one', () => {
  const one = mask({ strategy: HASH, type: 'text', value: 'ann@ex.com' })
  expect(one?.toString()).toMatch(/^h:[0-9a-f]{16}$/)
  expect(mask({ strategy: HASH, type: 'text', format: 'binary', value: 'ann@ex.com' })).toEqual(one)
  const other = cellMask({ strategy: HASH, type: 'text', format: 'text', hashKey: Buffer.alloc(32, 8) })
  expect(other(Buffer.from('ann@ex.com'))).not.toEqual(one)
})

test('hash of a UUID is a UUID of version 8, the same in both formats', () => {
  const text = '550e8400-e29b-41d4-a716-446655440000'
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex')
  const hashed = mask({ strategy: HASH, type: 'uuid', value: text })?.toString() ?? ''
  expect(hashed).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(mask({ strategy: HASH, type: 'uuid', format: 'binary', value: bytes })?.toString('hex')).toBe(
    hashed.replaceAll('-', ''),
  )
  expect(mask({ strategy: HASH, type: 'uuid', value: 'no uuid' })).toBeNull()
})

test('no strategy but keep-last leaves a character of the value, and none changes the value itself', () => {
  const strategy = fc.constantFrom<MaskStrategy>(REDACT, LAST4, HASH, NULL)
  fc.assert(
    fc.property(strategy, fc.string({ unit: 'grapheme', minLength: 5 }), (chosen, text) => {
      const value = Buffer.from(text)
      const before = Buffer.from(value)
      const masked = mask({ strategy: chosen, type: 'text', value })
      expect(value).toEqual(before)
      if (chosen.kind !== 'keep-last' || masked === null) return
      const shown = [...masked.toString()]
      expect(shown.length).toBe([...text].length)
      expect(shown.slice(0, -4).every(character => /^[^A-Za-z0-9]$/u.test(character))).toBe(true)
    }),
  )
})

test('types are known by their OID, and an unknown one is opaque', () => {
  expect([25, 1043, 114, 3802, 2950, 20, 1700, 17, 16, 1114].map(valueTypeOf)).toEqual([
    ...['text', 'text', 'json', 'jsonb', 'uuid', 'int8', 'numeric', 'bytea', 'rigid', 'rigid'],
  ])
  expect([1009, 142, 2249, 99_999].map(valueTypeOf)).toEqual(['opaque', 'opaque', 'opaque', 'opaque'])
})
