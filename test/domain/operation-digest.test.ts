import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeGrantId } from '../../src/domain/ids.js'
import { readConnectionName, readRoleName } from '../../src/domain/names.js'
import { type OperationParts, operationDigest } from '../../src/domain/operation-digest.js'

const PARTS: OperationParts = {
  text: 'UPDATE t SET a = $1',
  textsBehind: [],
  bound: { values: ['1'], digest: 'ab', types: [23], isWhole: true },
  principal: { issuer: 'https://idp', subject: 'ada' },
  grant: makeGrantId(size => new Uint8Array(size)),
  connection: readConnectionName('shop') ?? expect.unreachable(),
  role: readRoleName('writer') ?? expect.unreachable(),
  database: 'shop',
  settings: { search_path: 'public' },
  objects: 'cd',
}

const CHANGES: readonly Partial<OperationParts>[] = [
  { text: 'UPDATE t SET a = $1 ' },
  { textsBehind: ['UPDATE t SET a = $1'] },
  { bound: undefined },
  { bound: { values: ['1'], digest: 'ac', types: [23], isWhole: true } },
  { bound: { values: ['1'], digest: 'ab', types: [25], isWhole: true } },
  { bound: { values: ['1'], digest: 'ab', types: [], isWhole: true } },
  { principal: { issuer: 'https://idp', subject: 'eve' } },
  { principal: { issuer: 'https://idq', subject: 'ada' } },
  { grant: makeGrantId(size => new Uint8Array(size).fill(1)) },
  { connection: readConnectionName('shop-2') ?? expect.unreachable() },
  { role: readRoleName('owner') ?? expect.unreachable() },
  { database: 'shop_2' },
  { settings: {} },
  { settings: { search_path: 'evil' } },
  { settings: { search_path: 'public', datestyle: 'ISO' } },
  { objects: 'ce' },
]

test('the digest of an operation changes with every part of it', () => {
  const digests = [PARTS, ...CHANGES.map(change => ({ ...PARTS, ...change }))].map(operationDigest)
  expect(new Set(digests).size).toBe(CHANGES.length + 1)
  expect(operationDigest({ ...PARTS })).toBe(digests[0])
})

test('what people see of a value is no part of it, because its bytes are', () => {
  const bound = { values: ['other'], digest: 'ab', types: [23], isWhole: true }
  expect(operationDigest({ ...PARTS, bound })).toBe(operationDigest(PARTS))
})

test('the order of settings does not matter', () => {
  const one = operationDigest({ ...PARTS, settings: { a: '1', b: '2' } })
  expect(operationDigest({ ...PARTS, settings: { b: '2', a: '1' } })).toBe(one)
})

test('no text can be moved from one field into the next', () => {
  const text = fc.string({ maxLength: 6 })
  const parts = fc.record({
    text,
    textsBehind: fc.array(text, { maxLength: 3 }),
    database: text,
    objects: text,
    settings: fc.dictionary(text, text, { maxKeys: 2 }),
  })
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      const [first, second] = [one, other].map(change => operationDigest({ ...PARTS, ...change }))
      expect(first === second).toBe(JSON.stringify(sorted(one)) === JSON.stringify(sorted(other)))
    }),
  )
})

function sorted<T extends { readonly settings: Readonly<Record<string, string>> }>(parts: T): unknown {
  return {
    ...parts,
    settings: Object.entries(parts.settings).sort(([one], [other]) => (one < other ? -1 : 1)),
  }
}
