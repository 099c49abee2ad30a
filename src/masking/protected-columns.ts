import type { Catalog, CatalogRelation } from '../domain/catalog.js'
import { compileGlob, type Glob } from '../domain/glob.js'
import type { OutputLineage, TraceView } from '../domain/lineage.js'
import type { MaskingRule } from '../domain/masking-rule.js'
import { derivedColumns } from './derived-columns.js'

/** A rule that protects columns by name. */
export type ColumnRule = Extract<MaskingRule, { kind: 'column' }>

/** Protected columns by relation OID, then by attribute number. A relation without one is not in here. */
export interface ColumnsByOid {
  /** 0 when nothing is protected. Views count only where a rule names them. */
  readonly size: number
  get(oid: number): ReadonlyMap<number, ColumnRule> | undefined
  has(oid: number): boolean
}

/** Which columns of one catalog snapshot are protected, and by which rule. */
export interface ProtectedColumns {
  readonly byOid: ColumnsByOid
  /** The rule that is named where nobody knows which one it is; undefined when there are no column rules. */
  readonly anyRule: ColumnRule | undefined
}

/** Relations of the system that are made when a database is: below are catalogs, from here on its views. */
const FIRST_SYSTEM_VIEW_OID = 10_000
/** pg_statistic, pg_statistic_ext_data, pg_largeobject: catalogs that hold values of other relations. */
const CATALOGS_WITH_VALUES: ReadonlySet<number> = new Set([2619, 3429, 2613])

type Found = Map<number, Map<number, ColumnRule>>

/** What columns are resolved against. */
export interface ResolvingOptions {
  readonly catalog: Catalog
  /** Absent: no definition is followed, and a view that reads a protected column is protected whole. */
  readonly traceView: TraceView | undefined
}

/**
 * Resolves column rules against a catalog. Beside the columns that the globs name, a column is protected when it shares
 * its rows with a protected one (partitions and inheritance, both ways), when the server derives it from one, and when it belongs to a view that reads one: by
 * what its definition computes it from, and whole where nobody can say. Views are looked at when they are asked for.
 */
export function resolveProtectedColumns(
  rules: readonly ColumnRule[],
  { catalog, traceView }: ResolvingOptions,
): ProtectedColumns {
  const anyRule = rules[0]
  const found: Found = new Map()
  if (anyRule === undefined) return { byOid: found, anyRule }
  const matchers = rules.map(rule => ({ rule, globs: rule.columns.map(compileGlob) }))
  for (const relation of catalog.byOid.values()) matchByName(relation, matchers, found)
  if (found.size === 0) return { byOid: found, anyRule }
  // Each round protects at least one more column or is the last: bounded by the number of columns.
  for (let grew = true; grew; ) {
    grew = false
    for (const relation of catalog.byOid.values()) {
      if (shareWithParents(relation, catalog, found)) grew = true
      for (const { number, rule } of derivedColumns(relation, found))
        if (protect(found, { oid: relation.oid, number, rule })) grew = true
    }
  }
  return { byOid: new ColumnsWithViews(found, { catalog, traceView, anyRule }), anyRule }
}

function matchByName(
  relation: CatalogRelation,
  matchers: readonly { readonly rule: ColumnRule; readonly globs: readonly Glob[] }[],
  found: Found,
): void {
  const prefix = `${inOneSegment(relation.schema)}.${inOneSegment(relation.name)}`
  for (const column of relation.columns) {
    const name = `${prefix}.${inOneSegment(column.name)}`
    const match = matchers.find(({ globs }) => globs.some(matches => matches(name)))
    if (match !== undefined) protect(found, { oid: relation.oid, number: column.number, rule: match.rule })
  }
}

/** A dot inside of a quoted name must not look like a separator, or `public.*.ssn` would miss `public."a.b".ssn`. */
function inOneSegment(name: string): string {
  return name.replaceAll('.', '\u00b7')
}

function protect(
  found: Found,
  { oid, number, rule }: { readonly oid: number; readonly number: number; readonly rule: ColumnRule },
): boolean {
  const columns = found.get(oid)
  if (columns === undefined) found.set(oid, new Map([[number, rule]]))
  else if (columns.has(number)) return false
  else columns.set(number, rule)
  return true
}

function shareWithParents(relation: CatalogRelation, catalog: Catalog, found: Found): boolean {
  let grew = false
  for (const parentOid of relation.parents) {
    const parent = catalog.byOid.get(parentOid)
    if (parent === undefined) continue
    if (shareByName(parent, relation, found)) grew = true
    if (shareByName(relation, parent, found)) grew = true
  }
  return grew
}

function shareByName(from: CatalogRelation, to: CatalogRelation, found: Found): boolean {
  const columns = found.get(from.oid)
  if (columns === undefined) return false
  let grew = false
  for (const column of from.columns) {
    const rule = columns.get(column.number)
    const same = rule && to.columns.find(other => other.name === column.name)
    if (same && protect(found, { oid: to.oid, number: same.number, rule })) grew = true
  }
  return grew
}

interface ViewContext extends ResolvingOptions {
  readonly anyRule: ColumnRule
}

/** Columns of tables, and those of views as they are asked for. Each view is looked at once, after what it reads. */
class ColumnsWithViews implements ColumnsByOid {
  readonly #views = new Map<number, ReadonlyMap<number, ColumnRule> | undefined>()
  readonly #waiting = new Set<number>()

  constructor(
    readonly found: Found,
    readonly context: ViewContext,
  ) {}

  get size(): number {
    return this.found.size
  }

  has(oid: number): boolean {
    return this.get(oid) !== undefined
  }

  get(oid: number): ReadonlyMap<number, ColumnRule> | undefined {
    const relation = this.context.catalog.byOid.get(oid)
    if (relation?.kind !== 'view') return this.found.get(oid)
    if (this.#views.has(oid)) return this.#views.get(oid)
    // Views that read each other, or each other's in a row that no one makes: fail closed.
    if (this.#waiting.has(oid) || this.#waiting.size >= VIEW_DEPTH_MAX) return this.#whole(relation)
    this.#waiting.add(oid)
    const columns = this.#resolve(relation)
    this.#waiting.delete(oid)
    this.#views.set(oid, columns)
    return columns
  }

  #whole({ columns }: CatalogRelation): ReadonlyMap<number, ColumnRule> {
    const { anyRule } = this.context
    return new Map(columns.map(({ number }) => [number, anyRule]))
  }

  /** It only ever narrows what the view's dependencies say. */
  #resolve(view: CatalogRelation): ReadonlyMap<number, ColumnRule> | undefined {
    const named = this.found.get(view.oid)
    const rule = view.callsFunctions ? this.context.anyRule : this.#ruleBehind(view)
    if (rule === undefined) return named
    const traced = this.context.traceView?.(view, this.context.catalog)
    const columns = new Map<number, ColumnRule>()
    for (const [index, { number }] of view.columns.entries()) {
      const own = named?.get(number) ?? this.#ruleOf(traced?.[index], rule)
      if (own !== undefined) columns.set(number, own)
    }
    return columns.size === 0 ? undefined : columns
  }

  /** The rule of one column of a view. Only a plain column under another name keeps what its rule shows of a value. */
  #ruleOf(output: OutputLineage | undefined, rule: ColumnRule): ColumnRule | undefined {
    if (output?.kind !== 'columns') return whole(rule)
    const rules = output.columns.flatMap(({ oid, number }) => this.get(oid)?.get(number) ?? [])
    const [own] = rules
    return own === undefined || output.isCopy === true ? own : whole(own)
  }

  /** The rule of a protected value that a view's definition can reach; undefined when it reaches none. */
  #ruleBehind(view: CatalogRelation): ColumnRule | undefined {
    const { catalog, anyRule } = this.context
    for (const { oid, columns } of view.reads) {
      if (oid === view.oid) continue
      for (const [number, rule] of this.get(oid) ?? []) {
        if (columns.includes(0) || columns.includes(number)) return rule
      }
      if (isSystemSource(oid, catalog)) return anyRule
      // The snapshot does not know what the view reads: fail closed.
      if (oid >= catalog.firstUserOid && !catalog.byOid.has(oid)) return anyRule
    }
    return undefined
  }
}

/** Views on views, one on the other. */
const VIEW_DEPTH_MAX = 200

/** The rule for a value that was computed: the last letters of one are the first of another. */
function whole(rule: ColumnRule): ColumnRule {
  return { ...rule, strategy: rule.strategy.kind === 'null' ? rule.strategy : { kind: 'redact' } }
}

function isSystemSource(oid: number, catalog: Catalog): boolean {
  const isSystemView = oid >= FIRST_SYSTEM_VIEW_OID && oid < catalog.firstUserOid
  return isSystemView || CATALOGS_WITH_VALUES.has(oid)
}
