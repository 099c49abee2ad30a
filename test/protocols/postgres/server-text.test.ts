import { expect, test } from 'vitest'
import type { StatementMasking } from '../../../src/masking/statement-masking.js'
import { readErrorFields, writeErrorFields } from '../../../src/protocols/postgres/codec.js'
import { maskErrorFields } from '../../../src/protocols/postgres/server-text.js'

const HIDING: StatementMasking = {
  planRows: () => undefined,
  planCopy: () => undefined,
  maskText: () => 'hidden',
  hidesMessages: true,
}

/** The message that a client sees of an error, where messages may hold protected values. */
function check(fields: Readonly<Record<string, string>>, expected: 'shown' | 'hidden'): void {
  test(`${fields.C} with the fields ${Object.keys(fields).join('')} is ${expected}`, () => {
    const masked = readErrorFields(maskErrorFields(writeErrorFields(new Map(Object.entries(fields))), HIDING))
    expect(masked.get('M')).toBe(expected === 'shown' ? fields.M : 'hidden')
    if (expected === 'hidden') expect(Object.values(Object.fromEntries(masked)).join()).not.toMatch(/123-45/)
  })
}

check({ C: '42P01', M: 'relation "no_such_table" does not exist', P: '15' }, 'shown')
check({ C: '42703', M: 'column "snn" does not exist', H: 'Perhaps you meant "ssn".', P: '8' }, 'shown')
check({ C: '42883', M: 'function nothing(integer) does not exist', P: '8' }, 'shown')
check({ C: '42601', M: 'syntax error at or near "FORM"', P: '10' }, 'shown')

// A name that is a value: `ssn::regclass`, `ssn::regtype`.
check({ C: '42P01', M: 'relation "123-45-6789" does not exist' }, 'hidden')
check({ C: '42601', M: 'syntax error at or near "123"', W: 'invalid type name "123-45-6789"' }, 'hidden')
// A text that a function ran.
check({ C: '42703', M: 'column "123-45-6789" does not exist', p: '8', q: 'SELECT "123-45-6789"' }, 'hidden')
check({ C: '42703', M: 'column "123-45-6789" does not exist', P: '8', W: 'SQL function "f"' }, 'hidden')
// Errors of values.
check({ C: '22P02', M: 'invalid input syntax for type integer: "123-45-6789"', P: '8' }, 'hidden')
check({ C: '23505', M: 'duplicate key', D: 'Key (ssn)=(123-45-6789) already exists.' }, 'hidden')
check({ C: '42501', M: 'permission denied for 123-45-6789' }, 'hidden')
