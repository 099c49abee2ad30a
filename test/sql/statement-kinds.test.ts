import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { DEFINITIONS } from '../../src/sql/postgres/definition-table.js'
import { MODIFICATION_READERS } from '../../src/sql/postgres/modification-readers.js'
import { readStatement } from '../../src/sql/postgres/read-text.js'
import { SESSION_READERS } from '../../src/sql/postgres/session-readers.js'
import { SETTING_READERS } from '../../src/sql/postgres/setting-readers.js'
import { compact } from './compact-facts.js'

/** Nodes whose name ends like a statement's and that are parts of one, or only exist inside PL/pgSQL. */
const NO_STATEMENTS = ['RawStmt', 'SetOperationStmt', 'ReturnStmt', 'PLAssignStmt', 'ReplicaIdentityStmt']

test('every statement of the grammar has a reader', () => {
  const folder = dirname(createRequire(import.meta.url).resolve('@pgsql/types'))
  const types = readFileSync(join(folder, 'types.d.ts'), 'utf8')
  const statements = [...types.matchAll(/export interface (\w+Stmt) /g)].map(match => match[1] ?? '')
  const known = new Set([
    ...Object.keys(DEFINITIONS),
    ...[...SESSION_READERS, ...MODIFICATION_READERS, ...SETTING_READERS].map(([type]) => type),
  ])
  expect(statements.length).toBeGreaterThan(100)
  expect(statements.filter(type => !known.has(type) && !NO_STATEMENTS.includes(type))).toEqual([])
})

test('a statement that no reader knows is opaque code, and what it mentions is still seen', () => {
  const column = { ColumnRef: { fields: [{ String: { sval: 'ssn' } }] } }
  const facts = readStatement({
    TimeTravelStmt: { relation: { relname: 'customers' }, body: { UnknownExpr: { arg: column } } },
  })
  expect(compact({ understood: true, statements: [facts] })).toBe('TIME TRAVEL !wdo customers | ssn STORES')
})
