import { expect, test } from 'vitest'
import { RowMasker, readRow } from '../../../src/protocols/postgres/rows.js'
import { describeBindValue, describeValue } from '../../../src/protocols/postgres/values.js'
import { ruleNamed } from './joined-server.js'
import { SERVER } from './script.js'

const rule = ruleNamed('hide')

function check(
  cells: readonly (string | null)[],
  masks: readonly ((value: Buffer) => Buffer | null)[],
  expected: string,
) {
  const masker = new RowMasker(masks.map(mask => ({ rule, mask })))
  const frame = SERVER.row(...cells)
  const outcome = masker.mask(frame, 0, frame.length)
  const { masked } = masker
  expect(outcome === 'masked' ? JSON.stringify(readRow(masked, 0, masked.length, undefined)) : outcome).toBe(
    expected,
  )
}

const keep = (value: Buffer) => value
const hide = () => Buffer.from('[m]')
const nothing = () => null

test('cells are replaced, shortened, lengthened and made NULL in their place', () => {
  check(['a', 'b', 'c'], [keep, hide, keep], '["a","[m]","c"]')
  check(['a', 'b', 'c'], [hide, keep, hide], '["[m]","b","[m]"]')
  check(['a', 'b', 'c'], [nothing, nothing, nothing], '[null,null,null]')
  check(['long text', ''], [() => Buffer.alloc(0), hide], '["","[m]"]')
  check([null, 'b'], [hide, keep], 'same')
  check(['a'], [() => Buffer.alloc(5000, 'x')], JSON.stringify(['x'.repeat(5000)]))
})

test('a row that does not fit its plan is broken', () => {
  check(['a'], [keep, keep], 'broken')
  check(['a', 'b'], [keep], 'broken')
  const masker = new RowMasker([{ rule, mask: keep }])
  for (const spoil of [
    (row: Buffer) => row.writeInt32BE(-2, 7),
    (row: Buffer) => row.writeInt32BE(0x7fff_ffff, 7),
    (row: Buffer) => row.writeInt32BE(2, 7),
    (row: Buffer) => row.writeInt32BE(4, 7),
  ]) {
    const row = SERVER.row('abc')
    spoil(row)
    expect(masker.mask(row, 0, row.length)).toBe('broken')
  }
})

test('binary values of common types are read for the recording', () => {
  const read = (typeOid: number, hex: string) =>
    describeValue(Buffer.from(hex, 'hex'), { typeOid, format: 'binary' })
  expect(read(16, '01')).toBe('t')
  expect(read(21, 'fffe')).toBe('-2')
  expect(read(23, '0000002a')).toBe('42')
  expect(read(20, '7fffffffffffffff')).toBe('9223372036854775807')
  expect(read(701, '3ff8000000000000')).toBe('1.5')
  expect(read(25, '68c3a9')).toBe('hé')
  expect(read(3802, `01${Buffer.from('{}').toString('hex')}`)).toBe('{}')
  expect(read(2950, '00112233445566778899aabbccddeeff')).toBe('00112233-4455-6677-8899-aabbccddeeff')
  expect(read(23, '00')).toBe('\\x00')
  expect(read(17, 'dead')).toBe('\\xdead')
})

test('a large bind value is cut, with its size', () => {
  const value = describeBindValue(Buffer.alloc(10_000, 'x'), { typeOid: 25, format: 'text' })
  expect(value).toHaveLength(8192 + '… (10000 bytes)'.length)
  expect(describeBindValue(null, { typeOid: 0, format: 'text' })).toBeNull()
})
