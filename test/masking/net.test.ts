import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DetectorName, MaskStrategy } from '../../src/domain/masking-rule.js'
import { DETECTORS } from '../../src/domain/masking-rule.js'
import { readRuleName } from '../../src/domain/names.js'
import type { DetectorRule } from '../../src/masking/detectors/found-spans.js'
import { makeNet } from '../../src/masking/net.js'
import type { ValueType } from '../../src/masking/value-type.js'

const KEY = Buffer.alloc(32, 7)

function rule(
  name: string,
  strategy: MaskStrategy,
  detectors: readonly DetectorName[] = DETECTORS,
): DetectorRule {
  const read = readRuleName(name)
  if (read === undefined) throw new Error(name)
  return { kind: 'detector', name: read, detectors, strategy }
}

const REDACT = makeNet([rule('all', { kind: 'redact' })], KEY)
const LAST4 = makeNet([rule('all', { kind: 'keep-last', count: 4 })], KEY)
const NULL = makeNet([rule('all', { kind: 'null' })], KEY)

interface Case {
  readonly net?: typeof REDACT
  readonly type: ValueType
  readonly format?: 'text' | 'binary'
  readonly value: string | Buffer
}

function check(
  name: string,
  { net = REDACT, type, format = 'text', value }: Case,
  expected: string | null,
): void {
  test(name, () => {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    const mask = net?.cellMask(type, format)
    const shown = mask === undefined ? bytes : mask(bytes)
    expect(shown?.toString() ?? null).toBe(expected)
    if (expected === bytes.toString()) expect(shown).toBe(bytes)
  })
}

check('only the span is replaced', { type: 'text', value: 'mail ann@ex.com now' }, 'mail [masked] now')
check('several spans are replaced', { type: 'text', value: 'a@b.co 123-45-6789' }, '[masked] [masked]')
check('text around a span keeps its bytes', { type: 'text', value: 'Zoë <a@b.co> ✓' }, 'Zoë <[masked]> ✓')
check(
  'keep-last works on the span',
  { net: LAST4, type: 'text', value: 'card 4111 1111 1111 1111' },
  'card **** **** **** 1111',
)
check('null makes the value NULL', { net: NULL, type: 'text', value: 'mail a@b.co' }, null)
check(
  'an honest text is the same buffer',
  { type: 'text', value: 'order 17 of 2024-01-01' },
  'order 17 of 2024-01-01',
)
check('arrays of texts are masked inside', { type: 'opaque', value: '{a@b.co,x}' }, '{[masked],x}')
check('composites are masked inside', { type: 'opaque', value: '(1,"a@b.co")' }, '(1,"[masked]")')
check('arrays of numbers are NULL', { type: 'numbers', value: '{4111111111111111}' }, null)
check('numbers are NULL when they are a card', { type: 'int8', value: '4111111111111111' }, null)
check('other numbers pass', { type: 'int8', value: '4111111111111112' }, '4111111111111112')
check('numeric cards are NULL', { type: 'numeric', value: '4111111111111111.00' }, null)
check('bytea is looked into', { type: 'bytea', value: `\\x${Buffer.from('a@b.co').toString('hex')}` }, null)
check('harmless bytea passes', { type: 'bytea', value: '\\x00ff' }, '\\x00ff')
check('rigid types pass', { type: 'rigid', value: '2024-01-01' }, '2024-01-01')
check('binary containers are NULL', { type: 'opaque', format: 'binary', value: '\0\0\0\x01a@b.co' }, null)

const int8 = Buffer.alloc(8)
int8.writeBigInt64BE(4111111111111111n)
check('binary int8 cards are NULL', { type: 'int8', format: 'binary', value: int8 }, null)
// numeric_send: ndigits, weight, sign, dscale, groups of base 10 000.
const numeric = Buffer.from([
  0,
  4,
  0,
  3,
  0,
  0,
  0,
  0,
  ...[4111, 1111, 1111, 1111].flatMap(one => [one >> 8, one & 255]),
])
check('binary numeric cards are NULL', { type: 'numeric', format: 'binary', value: numeric }, null)

check('JSON strings are masked inside', { type: 'json', value: '{"m":"to a@b.co."}' }, '{"m":"to [masked]."}')
check('JSON numbers become null', { type: 'jsonb', value: '{"c": 4111111111111111}' }, '{"c": null}')
check('JSON keys are masked too', { type: 'json', value: '{"a@b.co":1}' }, '{"[masked]":1}')
check(
  'an escape before a span stays whole',
  { type: 'json', value: '{"m":"x\\nann@ex.com"}' },
  '{"m":"x\\n[masked]"}',
)
check(
  'an escaped letter stays whole',
  { type: 'json', value: '{"m":"\\u00e9ann@ex.com"}' },
  '{"m":"\\u00e9[masked]"}',
)
check(
  'binary jsonb keeps its version',
  { type: 'jsonb', format: 'binary', value: '\x01{"m":"a@b.co"}' },
  '\x01{"m":"[masked]"}',
)
check(
  'a span over several strings masks the whole',
  {
    type: 'json',
    value: '["-----BEGIN PRIVATE KEY-----","x"]',
  },
  '"[masked]"',
)
check('null in JSON makes the value NULL', { net: NULL, type: 'json', value: '{"m":"a@b.co"}' }, null)

test('the first rule that names a detector has its strategy', () => {
  const net = makeNet([rule('one', { kind: 'hash' }, ['email']), rule('two', { kind: 'null' })], KEY)
  expect(net?.maskText('a@b.co')).toMatch(/^h:[0-9a-f]{16}$/)
})

test('where two detectors overlap, all of it is covered', () => {
  const net = makeNet([rule('one', { kind: 'keep-last', count: 4 })], KEY)
  const shown = net?.maskText('x 4111111111111111@ex.com y') ?? ''
  expect(shown.startsWith('x ') && shown.endsWith(' y')).toBe(true)
  expect(shown).not.toContain('4111')
})

test('masked JSON is valid JSON, whatever is inside', () => {
  const secret = fc.constantFrom(
    'ann@ex.com',
    '123-45-6789',
    '4111111111111111',
    '+49 30 901820',
    '-----BEGIN PRIVATE KEY-----',
    '\\',
    '"',
    '\n',
    'é',
    '',
  )
  const text = fc
    .array(fc.oneof(secret, fc.string({ maxLength: 4 })), { maxLength: 5 })
    .map(parts => parts.join(''))
  const leaf = fc.oneof(text, fc.constantFrom<unknown>(4111111111111111, 1.5, -4111111111111111, null, true))
  const value = fc.oneof(leaf, fc.array(leaf), fc.dictionary(text, leaf))
  fc.assert(
    fc.property(value, fc.boolean(), fc.constantFrom(REDACT, LAST4), (content, escaped, net) => {
      const plain = JSON.stringify(content)
      const json = escaped
        ? plain.replace(/[a-z]/g, letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
        : plain
      const usable = escaped && /null|true|\\\\u/.test(plain) ? plain : json
      if (!isJson(usable)) return
      const shown = net?.cellMask('json', 'text')?.(Buffer.from(usable))
      expect(isJson(shown?.toString() ?? 'null'), `${usable} became ${shown}`).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

test('noise of any type and format is survived', () => {
  const type = fc.constantFrom<ValueType>(
    'text',
    'json',
    'jsonb',
    'int8',
    'numeric',
    'numbers',
    'bytea',
    'opaque',
    'uuid',
  )
  fc.assert(
    fc.property(
      type,
      fc.constantFrom<'text' | 'binary'>('text', 'binary'),
      fc.uint8Array({ maxLength: 80 }),
      (one, format, bytes) => {
        REDACT?.cellMask(one, format)?.(Buffer.from(bytes))
      },
    ),
  )
})

test('no rules make no net', () => {
  expect(makeNet([], KEY)).toBeUndefined()
})
