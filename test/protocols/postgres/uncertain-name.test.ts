import { describe, expect, test } from 'vitest'
import { isSureName, uncertainName } from '../../../src/protocols/postgres/uncertain-name.js'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../../src/sql/postgres/read-text.js'

await loadPostgresGrammar()

function check(serverEncoding: string, text: string, expected: string | undefined): void {
  const facts = readPostgresText(text)
  expect(facts.understood).toBe(true)
  const statements = facts.understood ? facts.statements : []
  expect(uncertainName(statements, { text, serverEncoding })).toBe(expected)
}

const LONG = 'é'.repeat(20)
const CUT = 'x'.repeat(61)

describe('a name that can be another one to the server is found', () => {
  test.each([
    // Folded by a locale of one byte a letter.
    ['LATIN1', 'TABLE É', 'É'],
    ['WIN1251', 'SELECT Я FROM t', 'Я'],
    ['SQL_ASCII', 'TABLE é', 'é'],
    // Cut at other bytes.
    ['LATIN1', `TABLE ${LONG}`, LONG],
    ['EUC_JP', `TABLE s.${LONG}`, LONG],
    ['EUC_CN', `TABLE "${CUT}表"`, CUT],
    ['', `SELECT * FROM (TABLE ${LONG}) q`, LONG],
    // One code for both.
    ['EUC_JP', 'EXECUTE "a￤"', 'a￤'],
    // Spelled in ASCII.
    ['LATIN1', 'TABLE U&"\\00c9"', 'É'],
  ])('%s: %s', check)
})

describe('a name that is the same to the server is let be', () => {
  test.each([
    ['UTF8', `TABLE ${LONG}`],
    ['LATIN1', 'TABLE é'],
    ['LATIN1', "SELECT 'É', 'x' FROM t"],
    ['EUC_JP', 'SELECT 顧客番号 FROM 顧客マスタ管理テーブル'],
    ['LATIN1', `TABLE ${CUT}`],
    ['SQL_ASCII', 'SELECT a FROM b'],
    ['WIN1252', "SET application_name = 'É'"],
  ])('%s: %s', (encoding, text) => check(encoding, text, undefined))
})

test.each([
  ['UTF8', 'é', true],
  ['EUC_JP', 'é', false],
  ['LATIN1', 's1', true],
  ['', 'é', false],
])('in a protocol message to a server in %s the name %s is sure: %s', (encoding, name, expected) => {
  expect(isSureName(Buffer.from(name), encoding)).toBe(expected)
})
