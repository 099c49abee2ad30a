import type { UseFacts, UseKind } from '../../domain/facts.js'
import { readOperators } from './operator-names.js'
import { columnList, type Item, keysOf, placeOf, readItems, readShape, readSource } from './select-shape.js'
import { isTree, listAt, stringOf, stringsAt, type Tree, textAt, treeAt, typeOf } from './syntax-tree.js'
import { UseDraft } from './use-draft.js'

/**
 * Where a query stands: its rows are the statement's (`result`) or have names for the query around (`rows`), they are
 * values of an expression (`value`), or only whether there are any counts (`exists`).
 */
type Role = 'result' | 'rows' | 'value' | 'exists'

interface Place {
  readonly kind: UseKind
  readonly role: Role
}

/** What a clause does with the values in it, by the name of the field that holds it. */
const FIELD_KINDS: ReadonlyMap<string, UseKind> = new Map([
  ['whereClause', 'condition'],
  ['havingClause', 'condition'],
  ['quals', 'condition'],
  ['agg_filter', 'condition'],
  ['joinCondition', 'condition'],
  ['condition', 'condition'],
  ['usingClause', 'condition'],
  ['distinctClause', 'key'],
  ['groupClause', 'key'],
  ['sortClause', 'key'],
  ['windowClause', 'key'],
  ['over', 'key'],
  ['agg_order', 'key'],
])

/** Rows that the server offers beside the tables: their columns are those of the target. */
const OFFERED_ROWS = ['excluded', 'old', 'new']
/** Read apart, or naming nothing: FOR UPDATE OF names aliases. */
const LISTS: ReadonlySet<string> = new Set(['targetList', 'larg', 'rarg', 'lockingClause'])
const NAMED_BY_STRING: ReadonlySet<string> = new Set(['IndexElem', 'PartitionElem', 'StatsElem'])

/**
 * Reads what a statement does with columns beside showing them, from its tree. One pass that needs no stack, whatever the
 * depth: what it does not know by its name is an expression, and every column in one is used.
 */
export function readUses(statement: Tree): UseFacts {
  const reader = new UseReader()
  reader.read(statement)
  return reader.draft.finish()
}

class UseReader {
  readonly draft = new UseDraft()
  readonly #waiting: (readonly [value: unknown, place: Place])[] = []

  read(statement: Tree): void {
    for (const name of OFFERED_ROWS) this.draft.row(name, undefined)
    this.#push(statement, { kind: 'expression', role: 'result' })
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) this.#visit(...next)
  }

  #push(value: unknown, place: Place): void {
    if (typeof value === 'object' && value !== null) this.#waiting.push([value, place])
  }

  #visit(value: unknown, place: Place): void {
    if (Array.isArray(value)) {
      for (const item of value) this.#push(item, place)
      return
    }
    if (!isTree(value)) return
    const type = typeOf(value)
    const body = type === undefined ? value : treeAt(value, type)
    if (body === undefined) return
    this.#noteRows(type, body)
    for (const operator of readOperators(type, body)) this.draft.operator(operator)
    switch (type) {
      case 'ColumnRef':
        return this.#column(body, place)
      case 'A_Indirection':
        for (const name of stringsAt(body, 'indirection')) this.draft.use(place.kind, name)
        return this.#fields(body, place)
      case 'SelectStmt':
        return this.#select(body, place)
      case 'SubLink':
        return this.#fields(body, {
          ...place,
          role: textAt(body, 'subLinkType') === 'EXISTS_SUBLINK' ? 'exists' : 'value',
        })
      case 'RangeSubselect':
        this.#nameColumns(readSource(body.subquery), columnList(treeAt(body, 'alias')))
        return this.#fields(body, { ...place, role: 'rows' })
      case 'CommonTableExpr':
        return this.#commonTable(body, place)
      case 'JoinExpr':
        for (const name of stringsAt(body, 'usingClause')) this.draft.use('condition', name)
        if (body.isNatural === true) this.draft.use('condition', '*')
        return this.#fields(body, place)
      case 'Constraint':
        return this.#constraint(body, place)
      default:
        if (type !== undefined && NAMED_BY_STRING.has(type)) this.#named(body)
        return this.#modification(type, body, place)
    }
  }

  /** INSERT, UPDATE, MERGE, COPY and RETURNING: what is written, and what is shown of it. */
  #modification(type: string | undefined, body: Tree, place: Place): void {
    const returning = treeAt(body, 'returningClause')
    if (returning !== undefined)
      this.#items(readItems(listAt(returning, 'exprs')), { place, compared: false })
    const isInsert = type === 'InsertStmt' || textAt(body, 'commandType') === 'CMD_INSERT'
    const columns = [...listAt(body, type === 'InsertStmt' ? 'cols' : 'targetList')]
    if (isInsert && columns.length === 0) this.draft.write('*')
    for (const column of columns) this.#write(column)
    if (type === 'CopyStmt' && body.is_from === true) {
      const named = stringsAt(body, 'attlist')
      for (const name of named.length === 0 ? ['*'] : named) this.draft.write(name)
    }
    // Making a partition looks at the rows of the default one.
    if (body.partbound !== undefined) this.draft.use('key', '*')
    if (type === 'MultiAssignRef' && body.colno !== 1) return
    this.#fields(body, type === 'InsertStmt' ? { ...place, role: 'value' } : place, RETURNING)
  }

  #write(column: unknown): void {
    const target = isTree(column) ? treeAt(column, 'ResTarget') : undefined
    const name = target === undefined ? undefined : textAt(target, 'name')
    if (name !== undefined) this.draft.write(name)
  }

  #fields(body: Tree, place: Place, except?: ReadonlySet<string>): void {
    for (const field in body) {
      if (typeof body[field] !== 'object' || field === 'alias' || except?.has(field) === true) continue
      const kind = FIELD_KINDS.get(field)
      this.#push(body[field], kind === undefined || place.kind === 'condition' ? place : { ...place, kind })
    }
  }

  #column(body: Tree, { kind }: Place): void {
    const fields = listAt(body, 'fields')
    this.draft.use(kind, stringOf(fields.at(-1)) ?? '*', stringOf(fields.at(-2)))
  }

  #select(query: Tree, place: Place): void {
    const { leaves, operations } = readShape(query)
    const inner: Place = { kind: place.kind, role: 'value' }
    for (const { body, items, compared } of leaves) {
      const distinct = listAt(body, 'distinctClause')
      const isDistinct = distinct.length > 0 && keysOf(distinct).every(isEmpty)
      this.#items(items, { place, compared: compared || isDistinct })
      for (const field of ['distinctClause', 'groupClause', 'sortClause'])
        this.#places(listAt(body, field), items)
      this.#fields(body, inner, LISTS)
    }
    for (const operation of operations) {
      const byPlace = keysOf(listAt(operation, 'sortClause')).some(key => placeOf(key) !== undefined)
      if (byPlace) for (const { items } of leaves) this.#noteAll(items, 'key')
      this.#fields(operation, inner, LISTS)
    }
    const hasKeys = operations.some(operation => operation.sortClause !== undefined)
    if (operations.length > 0 && (place.role !== 'result' || hasKeys))
      this.#mix(leaves.map(leaf => leaf.items))
  }

  /** What a query shows. The values of a subquery in an expression are a part of that expression. */
  #items(
    items: readonly Item[],
    { place, compared }: { readonly place: Place; readonly compared: boolean },
  ): void {
    if (place.role === 'value') this.#noteAll(items, place.kind)
    if (compared) this.#noteAll(items, 'key')
    for (const item of items) {
      if (item.kind === 'star') this.draft.showsStar = true
      else if (item.kind === 'column') this.draft.rename(item.name, item.as)
      else this.#push(item.value, { kind: place.kind, role: 'value' })
    }
  }

  #noteAll(items: readonly Item[], kind: UseKind): void {
    for (const item of items) {
      if (item.kind === 'star') this.draft.use(kind, '*')
      else if (item.kind === 'column') this.draft.use(kind, item.name, item.qualifier)
    }
  }

  /** `ORDER BY 2`: the second output, which nobody knows behind a `*`. */
  #places(keys: readonly unknown[], items: readonly Item[]): void {
    for (const key of keysOf(keys)) {
      const place = placeOf(key)
      if (place === undefined) continue
      const item = items[place - 1]
      const star = items.slice(0, place).some(one => one.kind === 'star')
      if (star) this.draft.use('key', '*')
      else if (item !== undefined) this.#noteAll([item], 'key')
    }
  }

  /** The columns of a set operation have the names of the first branch, by their place. */
  #mix([first, ...others]: readonly (readonly Item[])[]): void {
    const names = (first ?? []).map(item => (item.kind === 'star' ? undefined : item.as))
    for (const items of others) {
      for (const [at, item] of items.entries()) {
        if (item.kind === 'expression') continue
        const hit = item.kind === 'star' || items.slice(0, at).some(isStar) ? names : [names[at]]
        for (const name of hit) {
          if (name === undefined || first?.slice(0, at).some(isStar) === true) this.draft.mixesNames = true
          else this.draft.rename(item.kind === 'star' ? '*' : item.name, name)
        }
      }
    }
  }

  #commonTable(body: Tree, place: Place): void {
    this.draft.tables.add(textAt(body, 'ctename') ?? '')
    this.#nameColumns(readSource(body.ctequery), stringsAt(body, 'aliascolnames'))
    const search = treeAt(body, 'search_clause')
    const cycle = treeAt(body, 'cycle_clause')
    for (const name of search === undefined ? [] : stringsAt(search, 'search_col_list'))
      this.draft.use('key', name)
    for (const name of cycle === undefined ? [] : stringsAt(cycle, 'cycle_col_list'))
      this.draft.use('key', name)
    this.#fields(body, { ...place, role: 'rows' })
  }

  /** A list of columns gives them names by their place, `c(a, b)`. */
  #nameColumns(queries: readonly (readonly Item[])[], names: readonly string[]): void {
    for (const items of queries) {
      for (const [at, item] of items.entries()) {
        if (item.kind === 'expression') continue
        const unplaced = item.kind === 'star' || items.slice(0, at).some(isStar)
        for (const name of unplaced ? names : names.slice(at, at + 1))
          this.draft.rename(item.kind === 'star' ? '*' : item.name, name)
      }
    }
  }

  /** A column that a definition names as plain text; absent for an expression, which is read as one. */
  #named(body: Tree): void {
    const name = textAt(body, 'name')
    if (name !== undefined) this.draft.use('key', name)
  }

  /** A foreign key compares columns, also those of the primary key that it does not name. */
  #constraint(body: Tree, place: Place): void {
    const table = treeAt(body, 'pktable')
    const columns = stringsAt(body, 'pk_attrs')
    const qualifier = table === undefined ? undefined : textAt(table, 'relname')
    if (table !== undefined)
      for (const name of columns.length === 0 ? ['*'] : columns) this.draft.use('key', name, qualifier)
    this.#fields(body, place)
  }

  #noteRows(type: string | undefined, body: Tree): void {
    const alias = treeAt(body, 'alias')
    const aliasName = alias === undefined ? undefined : textAt(alias, 'aliasname')
    const using = treeAt(body, 'join_using_alias')
    if (using !== undefined) this.draft.row(textAt(using, 'aliasname') ?? '', undefined)
    if (type === 'ReturningOption') this.draft.row(textAt(body, 'value') ?? '', undefined)
    const table = textAt(body, 'relname')
    if (table === undefined) {
      if (aliasName !== undefined) this.draft.row(aliasName, undefined)
      if (type === 'JoinExpr') this.#renameAll(columnList(alias))
      return
    }
    this.draft.row(aliasName ?? table, { schema: textAt(body, 'schemaname'), name: table })
    this.#renameAll(columnList(alias))
  }

  #renameAll(names: readonly string[]): void {
    for (const name of names) this.draft.rename('*', name)
  }
}

const RETURNING: ReadonlySet<string> = new Set(['returningClause'])

function isStar(item: Item): boolean {
  return item.kind === 'star'
}

function isEmpty(value: unknown): boolean {
  return isTree(value) && Object.keys(value).length === 0
}
