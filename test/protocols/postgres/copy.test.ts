import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CopyUse } from '../../../src/domain/facts.js'
import { CopyMasker } from '../../../src/protocols/postgres/copy.js'
import { ruleNamed } from './joined-server.js'

const rule = ruleNamed('hide')

function maskerFor(
  format: CopyUse['format'],
  options: CopyUse['options'] = {},
  columns = 3,
  mask: (value: Buffer) => Buffer | null = () => Buffer.from('[m]'),
): CopyMasker | undefined {
  const copy: CopyUse = {
    direction: 'out',
    through: 'client',
    relation: undefined,
    columns: [],
    format,
    options,
  }
  return CopyMasker.over(
    copy,
    Array.from({ length: columns }, (_, at) => (at === 1 ? { rule, mask } : undefined)),
  )
}

/** A row as the server sends it, and as the client gets it when the second of three columns is masked. */
function check(format: CopyUse['format'], options: CopyUse['options'], row: string, expected: string): void {
  const masked = maskerFor(format, options)?.mask(Buffer.from(row))
  expect(masked === undefined || typeof masked === 'string' ? masked : masked.toString()).toBe(expected)
}

test('text rows', () => {
  check('text', {}, '1\tsecret\t3\n', '1\t[m]\t3\n')
  check('text', {}, '1\ta\\tb\\nc\\\\\t3\n', '1\t[m]\t3\n')
  check('text', {}, '1\t\\N\t3\n', 'same')
  check('text', {}, '\t\t\n', '\t[m]\t\n')
  check('text', { delimiter: '|' }, '1\\|x|secret|3\n', '1\\|x|[m]|3\n')
})

test('in text format, what is equal to a NULL marker of the client is masked: it can be a guess of the value', () => {
  check('text', { null: 'nil' }, '1\tnil\t3\n', '1\t[m]\t3\n')
  check('text', { null: '' }, '1\t\t3\n', '1\t[m]\t3\n')
  check('text', { null: '\\t' }, '1\t\\t\t3\n', '1\t[m]\t3\n')
  check('csv', { null: 'nil' }, '1,nil,"nil"\n', 'same')
  check('csv', { null: 'nil' }, '1,"nil",nil\n', '1,"[m]",nil\n')
})

test('CSV rows', () => {
  check('csv', {}, '1,secret,3\n', '1,"[m]",3\n')
  check('csv', {}, '"a,b","x""y,\nz","3"\n', '"a,b","[m]","3"\n')
  check('csv', {}, '1,,3\n', 'same')
  check('csv', {}, '1,"",3\n', '1,"[m]",3\n')
  check('csv', { quote: "'", delimiter: ';' }, "1;'a;''b';3\n", "1;'[m]';3\n")
  check('csv', { escape: '\\' }, '1,"a\\",\\\\",3\n', '1,"[m]",3\n')
})

test('rows that do not fit are never passed', () => {
  check('text', {}, '1\tsecret\n', 'broken')
  check('text', {}, '1\tsecret\t3\t4\n', 'broken')
  check('text', {}, '1\tsecret\t3', 'broken')
  check('text', {}, '1\tsecret\t3\\\n', 'broken')
  check('text', {}, '', 'broken')
  check('csv', {}, '1,"secret,3\n', 'broken')
  check('csv', {}, '1,2\n3\n', 'broken')
})

test('a COPY whose rows cannot be taken apart has no masker', () => {
  expect(maskerFor('binary')).toBeUndefined()
  expect(maskerFor('text', { delimiter: '€' })).toBeUndefined()
})

test('the header passes once', () => {
  const masker = maskerFor('csv', { header: 'true' })
  expect(masker?.mask(Buffer.from('a,b,c\n'))).toBe('same')
  expect(masker?.mask(Buffer.from('1,2,3\n'))?.toString()).toBe('1,"[m]",3\n')
  expect(maskerFor('csv', { header: 'false' })?.mask(Buffer.from('a,b,c\n'))?.toString()).toBe('a,"[m]",c\n')
})

test('any value that is put in comes out again as one field', () => {
  const values = fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from(bytes).filter(byte => byte !== 0))
  fc.assert(
    fc.property(values, fc.constantFrom('text' as const, 'csv' as const), (value, format) => {
      const row = format === 'text' ? '1\tx\t3\n' : '1,x,3\n'
      const masked = maskerFor(format, {}, 3, () => Buffer.from(value))?.mask(Buffer.from(row))
      if (!Buffer.isBuffer(masked)) throw new Error(String(masked))
      let seen: Buffer | undefined
      const reader = maskerFor(format, {}, 3, read => {
        seen = Buffer.from(read)
        return read
      })
      expect(reader?.mask(masked)).toBe('same')
      expect(seen).toEqual(Buffer.from(value))
    }),
  )
})
