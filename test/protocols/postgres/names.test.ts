import { describe, expect, test } from 'vitest'
import { NameTable, protocolNameKey, sqlNameKey } from '../../../src/protocols/postgres/names.js'

describe('a name', () => {
  test('made in the same batch is exact, whatever was before', () => {
    const names = new NameTable<string>()
    names.succeed(names.begin('s', 1, 'old'))
    names.begin('s', 2, 'new')
    expect(names.resolve('s', 2)).toEqual({ kind: 'one', value: 'new' })
    expect(names.behind('s')).toEqual(['old', 'new'])
  })
  test('made in a batch that is not answered is ambiguous', () => {
    const names = new NameTable<string>()
    names.succeed(names.begin('s', 1, 'old'))
    names.begin('s', 2, 'new')
    expect(names.resolve('s', 3)).toEqual({ kind: 'ambiguous' })
  })
  test('follows what succeeded, not what was sent', () => {
    const names = new NameTable<string>()
    names.succeed(names.begin('s', 1, 'old'))
    names.fail(names.begin('s', 2, 'new'))
    expect(names.resolve('s', 3)).toEqual({ kind: 'one', value: 'old' })
    names.succeed(names.begin('s', 3, undefined))
    expect(names.resolve('s', 4)).toEqual({ kind: 'none' })
    expect(names.behind('s')).toBeUndefined()
  })
  test('stays possible while its end is in flight', () => {
    const names = new NameTable<string>()
    names.succeed(names.begin('s', 1, 'old'))
    names.begin('s', 2, undefined)
    expect(names.resolve('s', 2)).toEqual({ kind: 'none' })
    expect(names.behind('s')).toEqual(['old'])
  })
  test('stands for everything that a text that failed may have made', () => {
    const names = new NameTable<string>()
    names.succeed(names.begin('s', 1, 'old'))
    names.doubt(names.begin('s', 2, 'new'))
    expect(names.behind('s')).toEqual(['old', 'new'])
    expect(names.resolve('s', 3)).toEqual({ kind: 'ambiguous' })
    names.succeed(names.begin('s', 4, 'certain'))
    expect(names.behind('s')).toEqual(['certain'])
  })
  test('outside of ASCII is never certain, because encodings change', () => {
    const names = new NameTable<string>()
    const key = sqlNameKey('é')
    names.succeed(names.begin(key, 1, 'one'))
    names.succeed(names.begin(key, 2, 'two'))
    expect(names.behind(key)).toEqual(['one', 'two'])
  })
  test('that stands for too much counts as unknown', () => {
    const names = new NameTable<number>()
    for (let at = 0; at < 100; at += 1) names.doubt(names.begin('s', at, at))
    expect(names.behind('s')).toBeUndefined()
  })
})

test('names are as many as the limit says', () => {
  const names = new NameTable<number>()
  for (let at = 0; at < 4096; at += 1) names.succeed(names.begin(`s${at}`, 1, at))
  expect(names.isFullFor('one more')).toBe(true)
  expect(names.isFullFor('s7')).toBe(false)
  names.forgetAll(value => value !== 7)
  expect(names.isFullFor('one more')).toBe(false)
  expect(names.behind('s7')).toEqual([7])
})

test('the server compares 63 bytes of a name', () => {
  const long = 'x'.repeat(70)
  expect(protocolNameKey(Buffer.from(long))).toBe('x'.repeat(63))
  expect(sqlNameKey(long)).toBe('x'.repeat(63))
  expect(sqlNameKey(`${'x'.repeat(62)}é`)).toBe('x'.repeat(62))
  expect(protocolNameKey(Buffer.from(`${'x'.repeat(62)}é`))).toBe(`${'x'.repeat(62)}Ã`)
})
