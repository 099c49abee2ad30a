import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readClientSettings } from '../../../src/protocols/postgres/client-settings.js'

/** What every session gets, so that the server reads bytes as the gateway does. */
const PINNED = { client_encoding: 'UTF8', standard_conforming_strings: 'on' }

function check(parameters: Record<string, string>, expected: Record<string, string> | string): void {
  const outcome = readClientSettings(Object.entries(parameters))
  if (typeof expected === 'string') {
    expect(outcome.kind).toBe('refused')
    expect(outcome).toMatchObject({ message: expect.stringContaining(expected) })
  } else expect(outcome).toMatchObject({ kind: 'settings', settings: { ...PINNED, ...expected } })
}

describe('what the usual clients send gets in', () => {
  test.each([
    [
      'psql',
      { user: 'a', database: 'b', application_name: 'psql', client_encoding: 'UTF8' },
      { application_name: 'psql', client_encoding: 'UTF8' },
    ],
    [
      'pgjdbc',
      { user: 'a', DateStyle: 'ISO', TimeZone: 'Europe/Rome', extra_float_digits: '2' },
      { datestyle: 'ISO', timezone: 'Europe/Rome', extra_float_digits: '2' },
    ],
    [
      'node-postgres',
      { user: 'a', client_encoding: "'utf-8'", statement_timeout: '5000' },
      { statement_timeout: '5000' },
    ],
    [
      'PGOPTIONS',
      { options: '-c geqo=off  --lock-timeout=5s -csearch_path=a\\ b\\\\c' },
      { geqo: 'off', lock_timeout: '5s', search_path: 'a b\\c' },
    ],
    ['a parameter beside options', { geqo: 'on', options: '-c GEQO=off' }, { geqo: 'on' }],
    ['no options', { options: ' ' }, {}],
    ['psql in the C locale', { client_encoding: 'SQL_ASCII' }, {}],
    ['PGCLIENTENCODING', { client_encoding: 'unicode' }, {}],
  ])('%s', (_, parameters, settings) => check(parameters, settings))
})

describe('what is not known to be harmless is refused by its name', () => {
  test.each([
    [{ replication: 'database' }, '"replication"'],
    [{ Replication: 'false' }, '"Replication"'],
    [{ role: 'writer' }, '"role"'],
    [{ session_authorization: 'postgres' }, '"session_authorization"'],
    [{ session_preload_libraries: 'x' }, '"session_preload_libraries"'],
    [{ local_preload_libraries: 'x' }, '"local_preload_libraries"'],
    [{ standard_conforming_strings: 'off' }, '"standard_conforming_strings"'],
    [{ unheard_of: '1' }, '"unheard_of"'],
    [{ __proto__x: '1' }, '"__proto__x"'],
    [{ options: '-c role=writer' }, '"role"'],
    [{ options: '-crole=writer' }, '"role"'],
    [{ options: '--role=writer' }, '"role"'],
    [{ options: '-c session-authorization=postgres' }, '"session_authorization"'],
    [{ options: '-c ro\\le=writer' }, '"role"'],
    [{ options: '-c\trole=writer' }, '"role"'],
    [{ options: '-c geqo=off -c role=writer' }, '"role"'],
    [{ options: '-e' }, '"-e"'],
    [{ options: '-S 64' }, '"-S"'],
    [{ options: '-fs' }, '"-fs"'],
    [{ options: '-c' }, '"-c"'],
    [{ options: '-c geqo' }, '"-c"'],
    [{ options: 'geqo=off' }, '"geqo=off"'],
    [{ options: '-- -c role=writer' }, '"--"'],
    [{ client_encoding: 'SJIS' }, 'client encoding "SJIS"'],
    [{ client_encoding: "'big-5'" }, 'client encoding'],
    [{ client_encoding: 'G.B.K' }, 'client encoding'],
    [{ options: '-c client_encoding=GB18030' }, 'client encoding'],
    [{ client_encoding: 'mule_internal' }, 'client encoding'],
    [{ client_encoding: 'WIN1251' }, 'client encoding'],
    [{ client_encoding: 'LATIN1' }, 'client encoding'],
    [{ client_encoding: '' }, 'client encoding'],
    [{ application_name: 'x'.repeat(1025) }, 'longer than 1024 bytes'],
    [{ database: 'x'.repeat(64) }, 'longer than 63 bytes'],
    [Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`x${at}`, ''])), 'more than 64 parameters'],
    [{ options: '-c geqo=on '.repeat(65) }, 'more than 64 settings'],
  ])('%j', (parameters, message) => check(parameters, message))
})

test('the last of a name counts, as for the server', () => {
  const outcome = readClientSettings([
    ['database', 'one'],
    ['database', 'two'],
    ['geqo', 'on'],
    ['GEQO', 'off'],
  ])
  expect(outcome).toMatchObject({ database: 'two', settings: { geqo: 'off' } })
})

test('no parameters of any kind bring in a setting that is not on the list', () => {
  const text = fc.string({ unit: fc.constantFrom(...'-c=\\ rolegqu_R\t') })
  fc.assert(
    fc.property(text, options => {
      const outcome = readClientSettings([['options', options]])
      if (outcome.kind === 'settings')
        expect(Object.keys(outcome.settings).filter(name => name !== 'geqo')).toEqual(Object.keys(PINNED))
    }),
  )
})
