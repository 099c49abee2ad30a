import { DEFINITIONS, type Definition } from './definition-table.js'
import type { Scope } from './scope.js'
import { readSettings } from './setting-readers.js'
import { bodyOf, isTree, listAt, stringsAt, type Tree, textAt, treeAt } from './syntax-tree.js'
import type { StatementReader, Walk } from './walk.js'

/** CREATE, ALTER, DROP and the other statements that the table describes. */
export const DEFINITION_READERS: readonly (readonly [string, StatementReader])[] = Object.entries(
  DEFINITIONS,
).map(([type, definition]) => [
  type,
  (walk, body, scope) => readDefinition(walk, body, scope, { type, definition }),
])

interface Described {
  readonly type: string
  readonly definition: Definition
}

function readDefinition(walk: Walk, body: Tree, scope: Scope, { type, definition }: Described): void {
  const { command } = scope
  command.verb = verbOf(type, body, definition)
  command.object = definition.object ?? objectOf(type, body)
  command.writes = definition.writes ?? true
  command.defines = definition.defines ?? command.writes
  command.drops = definition.drops ?? dropsPart(body)
  command.opaque = definition.opaque ?? false
  command.serverAccess = definition.serverAccess ?? usesServerCode(body)
  if (definition.storesData === true) walk.flow.storesData = true
  // The type that a domain or cast is defined over is no cast.
  const apart = new Set(['typeName', ...(definition.targets ?? [])])
  for (const field of definition.targets ?? []) readTargets(walk, body[field], scope)
  const base = treeAt(body, 'base')
  if (base !== undefined) {
    // CREATE FOREIGN TABLE wraps a CREATE TABLE.
    apart.add('base')
    walk.target(base.relation, scope)
    walk.fields(base, scope, new Set(['relation']))
  }
  readNamedObjects(walk, body, scope)
  const stored = treeAt(body, 'setstmt')
  // ALTER ROLE … SET, ALTER DATABASE … SET, ALTER SYSTEM SET: the settings of sessions to come.
  if (stored !== undefined) readSettings(walk, stored, scope)
  walk.fields(body, scope, apart)
}

/** A statement of a newer grammar. Its name says the verb; what it does is code nobody has looked at. */
export function readUnknownStatement(walk: Walk, type: string, body: Tree, scope: Scope): void {
  const words = type.replace(/Stmt$/, '').split(/(?<=[a-z])(?=[A-Z])/)
  scope.command.verb = words.join(' ').toUpperCase()
  scope.command.writes = true
  scope.command.defines = true
  scope.command.opaque = true
  walk.flow.storesData = true
  walk.fields(body, scope)
}

function verbOf(type: string, body: Tree, definition: Definition): string {
  if (definition.verb === 'GRANT') return body.is_grant === true ? 'GRANT' : 'REVOKE'
  if (type === 'VacuumStmt') return body.is_vacuumcmd === true ? 'VACUUM' : 'ANALYZE'
  return definition.verb
}

/** The kind of object from whichever field says it. */
function objectOf(type: string, body: Tree): string {
  if (type === 'CreateFunctionStmt') return body.is_procedure === true ? 'PROCEDURE' : 'FUNCTION'
  if (type === 'CreateRoleStmt') return (textAt(body, 'stmt_type') ?? '').replace('ROLESTMT_', '')
  for (const field of ['removeType', 'renameType', 'objectType', 'objtype', 'kind']) {
    const value = textAt(body, field)
    if (value?.startsWith('OBJECT_') === true) return objectName(value)
  }
  return ''
}

const OBJECT_NAMES: Readonly<Record<string, string>> = {
  OBJECT_MATVIEW: 'MATERIALIZED VIEW',
  OBJECT_FDW: 'FOREIGN DATA WRAPPER',
  OBJECT_FOREIGN_SERVER: 'SERVER',
  OBJECT_TABCONSTRAINT: 'CONSTRAINT',
  OBJECT_DOMCONSTRAINT: 'CONSTRAINT',
  OBJECT_LARGEOBJECT: 'LARGE OBJECT',
  OBJECT_OPCLASS: 'OPERATOR CLASS',
  OBJECT_OPFAMILY: 'OPERATOR FAMILY',
  OBJECT_STATISTIC_EXT: 'STATISTICS',
  OBJECT_TSCONFIGURATION: 'TEXT SEARCH CONFIGURATION',
  OBJECT_TSDICTIONARY: 'TEXT SEARCH DICTIONARY',
  OBJECT_TSPARSER: 'TEXT SEARCH PARSER',
  OBJECT_TSTEMPLATE: 'TEXT SEARCH TEMPLATE',
}

function objectName(value: string): string {
  return OBJECT_NAMES[value] ?? value.slice('OBJECT_'.length).replaceAll('_', ' ')
}

/** True when a part of the object disappears: ALTER … DROP, DROP a partition by detaching, REVOKE is not one. */
function dropsPart(body: Tree): boolean {
  if (body.isDrop === true || body.action === -1) return true
  // AlterDomainStmt: X drops a constraint, O drops NOT NULL. ALTER TEXT SEARCH CONFIGURATION … DROP MAPPING.
  const subtype = textAt(body, 'subtype')
  if (subtype === 'X' || textAt(body, 'kind') === 'ALTER_TSCONFIG_DROP_MAPPING') return true
  if (/drop/i.test(textAt(body, 'action') ?? '') || /_DROP_/.test(textAt(body, 'kind') ?? '')) return true
  return listAt(body, 'cmds').some(item => {
    const command = bodyOf(item, 'AlterTableCmd')
    return command !== undefined && /^AT_(Drop|Detach)/.test(textAt(command, 'subtype') ?? '')
  })
}

/** True for CREATE FUNCTION … LANGUAGE C and internal: code of the server's own process. */
function usesServerCode(body: Tree): boolean {
  return listAt(body, 'options').some(item => {
    const option = bodyOf(item, 'DefElem')
    if (option === undefined || textAt(option, 'defname') !== 'language') return false
    const value = bodyOf(option.arg, 'String')
    return /^(c|internal)$/i.test((value === undefined ? undefined : textAt(value, 'sval')) ?? '')
  })
}

/** A relation, a list of them, or VACUUM's list with columns. */
function readTargets(walk: Walk, value: unknown, scope: Scope): void {
  if (Array.isArray(value)) {
    for (const item of value) {
      const vacuumed = bodyOf(item, 'VacuumRelation')
      walk.target(vacuumed === undefined ? item : vacuumed.relation, scope)
    }
  } else walk.target(value, scope)
}

/** Kinds of objects that are relations, or that hang on one: then their own name is the last of the path. */
const RELATION_KINDS: ReadonlyMap<string, number> = new Map([
  ['OBJECT_TABLE', 0],
  ['OBJECT_VIEW', 0],
  ['OBJECT_MATVIEW', 0],
  ['OBJECT_FOREIGN_TABLE', 0],
  ['OBJECT_SEQUENCE', 0],
  ['OBJECT_INDEX', 0],
  ['OBJECT_COLUMN', 1],
  ['OBJECT_TRIGGER', 1],
  ['OBJECT_RULE', 1],
  ['OBJECT_POLICY', 1],
  ['OBJECT_TABCONSTRAINT', 1],
])

/** DROP, COMMENT ON and ALTER EXTENSION name relations as lists of strings. */
function readNamedObjects(walk: Walk, body: Tree, scope: Scope): void {
  const own = RELATION_KINDS.get(textAt(body, 'removeType') ?? textAt(body, 'objtype') ?? '')
  if (own === undefined) return
  const single = body.object
  for (const object of [...listAt(body, 'objects'), ...(isTree(single) ? [single] : [])]) {
    const list = bodyOf(object, 'List')
    if (list === undefined) continue
    const path = stringsAt(list, 'items').slice(0, own === 0 ? undefined : -own)
    const name = path.at(-1)
    if (name !== undefined) walk.relation(scope, { schema: path.at(-2), name, access: 'write' })
  }
}
