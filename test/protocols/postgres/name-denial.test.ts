import { describe, expect, test } from 'vitest'
import type { UnknownName } from '../../../src/domain/facts.js'
import { type KnownNames, noSuchName, noSuchPortal } from '../../../src/protocols/postgres/name-denial.js'
import { NameTable, type Prepared } from '../../../src/protocols/postgres/names.js'

const PREPARED: Prepared = {
  text: 'SELECT 1',
  statements: [],
  masking: undefined,
  parameterTypes: [],
  columns: undefined,
  isParsed: true,
  isReviewed: false,
}

function known(
  status: KnownNames['status'] = 'I',
): KnownNames & { readonly statements: NameTable<Prepared> } {
  return { statements: new NameTable(), cursors: new NameTable(), serverEncoding: 'UTF8', batch: 1, status }
}

const NOPE: UnknownName = { kind: 'prepared', name: 'nope' }

describe('a name that is surely nowhere is told in the words of the server', () => {
  test.each([
    [NOPE, 'I', '26000', 'prepared statement "nope" does not exist', undefined],
    [NOPE, 'T', '26000', 'prepared statement "nope" does not exist', undefined],
    [NOPE, 'E', '25P02', expect.stringContaining('current transaction is aborted'), undefined],
    [
      { kind: 'cursor', name: 'c' },
      'T',
      '34000',
      'cursor "c" does not exist',
      expect.stringContaining('hoop'),
    ],
  ] as const)('%o in %s', (name, status, code, message, hint) => {
    expect(noSuchName(known(status), name)).toEqual({ rule: 'not-understood', code, message, hint })
  })

  test('also a portal of the protocol', () => {
    const told = noSuchPortal({ kind: 'none' }, Buffer.from('p'))
    expect(told).toMatchObject({ code: '34000', message: 'portal "p" does not exist' })
  })
})

describe('a name that may be somewhere is not', () => {
  test('while it is being made', () => {
    const names = known()
    names.statements.begin('nope', 0, PREPARED)
    expect(noSuchName(names, NOPE)).toBeUndefined()
  })
  test('where it stands for several things', () => {
    expect(noSuchPortal({ kind: 'ambiguous' }, Buffer.from('p'))).toBeUndefined()
  })
})
