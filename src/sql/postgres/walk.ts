import type { ColumnUse, RelationUse, SettingUse } from '../../domain/facts.js'
import { CommandDraft } from './command-draft.js'
import { FlowDraft } from './flow-draft.js'
import { atPlace, isVisible, type Scope } from './scope.js'
import { isTree, listAt, stringsAt, type Tree, textAt, treeAt, typeOf } from './syntax-tree.js'

/** Nodes below each other. Deeper trees are not understood: the walk must never meet the end of the stack. */
export const WALK_DEPTH_MAX = 500

/** Thrown by the walk when a tree is deeper than it reads; caught where the text is read. */
export class TooDeep extends Error {}

/** Reads the body of one type of node. Types without a reader are walked field by field. */
export type NodeReader = (walk: Walk, body: Tree, scope: Scope) => void

/** Reads the body of one type of statement into `scope.command`. */
export type StatementReader = (walk: Walk, body: Tree, scope: Scope, options: StatementOptions) => void

/** `outermost`: the result of this statement is what the client gets, so a `*` in its select list is a plain one. */
export interface StatementOptions {
  readonly outermost: boolean
}

/** The readers by the type of node. A value and not an import, so that readers can use the walk. */
export interface Readers {
  readonly nodes: ReadonlyMap<string, NodeReader>
  readonly statements: ReadonlyMap<string, StatementReader>
  /** For a statement that no reader knows: its name is all there is. */
  readonly unknown: (walk: Walk, type: string, body: Tree, scope: Scope) => void
}

/** What a clause is to the columns in it, by the name of the field that holds it. */
const FIELD_PLACES: ReadonlyMap<string, ColumnUse['place']> = new Map([
  ['whereClause', 'filter'],
  ['havingClause', 'filter'],
  ['quals', 'filter'],
  ['agg_filter', 'filter'],
  ['joinCondition', 'filter'],
  ['condition', 'filter'],
  ['distinctClause', 'order'],
  ['groupClause', 'order'],
  ['sortClause', 'order'],
  ['windowClause', 'order'],
  ['partitionClause', 'order'],
  ['orderClause', 'order'],
  ['agg_order', 'order'],
])

/** One pass over the tree of one statement. */
export class Walk {
  readonly flow = new FlowDraft()
  readonly commands: CommandDraft[] = []
  #depth = 0

  constructor(readonly readers: Readers) {}

  /** Reads a statement into a command of its own. CTE names around it stay visible, rows do not. */
  statement(node: unknown, around: Scope | undefined, options: StatementOptions): void {
    if (!isTree(node)) return
    const type = typeOf(node) ?? ''
    const body = treeAt(node, type)
    if (body === undefined) return
    const command = new CommandDraft(around !== undefined)
    this.commands.push(command)
    const scope: Scope = { command, place: 'output', rows: around?.rows, tables: around?.tables }
    this.#enter()
    const reader = this.readers.statements.get(type)
    if (reader === undefined) this.readers.unknown(this, type, body, scope)
    else reader(this, body, scope, options)
    this.#depth -= 1
  }

  /** Reads any value of the tree: a node by its reader, a body or a list by what is in it. */
  visit(value: unknown, scope: Scope): void {
    if (Array.isArray(value)) {
      for (const item of value) this.visit(item, scope)
      return
    }
    if (!isTree(value)) return
    this.#enter()
    const type = typeOf(value)
    const body = type === undefined ? value : treeAt(value, type)
    if (body !== undefined) {
      const reader = type === undefined ? undefined : this.readers.nodes.get(type)
      if (reader === undefined) this.fields(body, scope)
      else reader(this, body, scope)
    }
    this.#depth -= 1
  }

  /** Counts a level that a reader goes down by itself. */
  descend(read: () => void): void {
    this.#enter()
    read()
    this.#depth -= 1
  }

  /** Reads the fields of a body, each at its place. */
  fields(body: Tree, scope: Scope, except: ReadonlySet<string> = NO_FIELDS): void {
    if (textAt(body, 'relname') !== undefined) this.range(body, scope)
    for (const field in body) {
      const value = body[field]
      if (typeof value !== 'object' || except.has(field)) continue
      if (field === 'alias') this.alias(value)
      else if (field === 'typeName') this.cast(value)
      else {
        const place = FIELD_PLACES.get(field)
        this.visit(value, place === undefined ? scope : atPlace(scope, place))
      }
    }
  }

  /** Reads a RangeVar that is read from, unless a common table expression is meant. */
  range(body: Tree, scope: Scope): void {
    const name = textAt(body, 'relname')
    if (name === undefined) return
    const schema = textAt(body, 'schemaname')
    if (schema === undefined && isVisible(scope.tables, name)) return
    this.relation(scope, { schema, name, access: 'read' })
  }

  /** Notes a RangeVar that is written to or whose definition changes; it never means a common table expression. */
  target(value: unknown, scope: Scope): void {
    if (!isTree(value)) return
    const body = treeAt(value, 'RangeVar') ?? value
    const name = textAt(body, 'relname')
    if (name === undefined) return
    this.alias(body.alias)
    this.relation(scope, { schema: textAt(body, 'schemaname'), name, access: 'write' })
  }

  /** Notes a relation for the command and for the flow. */
  relation(scope: Scope, use: RelationUse): void {
    const key = `${use.access}.${use.schema ?? ''}.${use.name}`
    scope.command.relations.add(key, use)
    this.flow.relations.add(key, use)
  }

  /** Notes a column that is read here. */
  column(scope: Scope, qualifier: string | undefined, name: string): void {
    const place = scope.place
    this.flow.columns.add(`${place}.${qualifier ?? ''}.${name}`, { qualifier, name, place })
  }

  /** Notes a function. Of a name with a database before it, the schema and the name count. */
  call(scope: Scope, path: readonly string[]): void {
    const name = path.at(-1)
    if (name === undefined) return
    const schema = path.at(-2)
    const key = `${schema ?? ''}.${name}`
    const use = { schema, name }
    scope.command.functions.add(key, use)
    this.flow.functions.add(key, use)
  }

  /** Notes a type that something is cast to. The schema that the grammar puts before built-in names is left out. */
  cast(value: unknown): void {
    if (!isTree(value)) return
    const names = stringsAt(value, 'names')
    const written = names[0] === 'pg_catalog' ? names.slice(1) : names
    const name = written.join('.')
    if (name !== '') this.flow.casts.add(name, name)
  }

  /** Notes an alias with a list of columns: `c(a, b)`. */
  alias(value: unknown): void {
    if (isTree(value) && listAt(value, 'colnames').length > 0) this.flow.renamesColumns = true
  }

  /** Notes a setting. Names of settings are the same in any case (PostgreSQL 18, "Parameter Names and Values"). */
  setting(scope: Scope, use: SettingUse): void {
    scope.command.settings.push({ name: foldName(use.name), value: use.value })
  }

  #enter(): void {
    this.#depth += 1
    if (this.#depth > WALK_DEPTH_MAX) throw new TooDeep()
  }
}

const NO_FIELDS: ReadonlySet<string> = new Set()

/** As the server's `guc_name_compare`: only ASCII letters fold. */
function foldName(name: string): string {
  return name.replace(/[A-Z]/g, letter => letter.toLowerCase())
}
