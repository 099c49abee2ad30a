import type { Catalog, CatalogRelation } from '../domain/catalog.js'
import { compileGlob, type Glob } from '../domain/glob.js'
import type { MaskingRule } from '../domain/masking-rule.js'

/** A rule that protects columns by name. */
export type ColumnRule = Extract<MaskingRule, { kind: 'column' }>

/** Which columns of one catalog snapshot are protected, and by which rule. */
export interface ProtectedColumns {
  /** By relation OID, then by attribute number. A relation without a protected column is not in here. */
  readonly byOid: ReadonlyMap<number, ReadonlyMap<number, ColumnRule>>
  /** The rule that is named where nobody knows which one it is; undefined when there are no column rules. */
  readonly anyRule: ColumnRule | undefined
}

/** Relations of the system that are made when a database is: below are catalogs, from here on its views. */
const FIRST_SYSTEM_VIEW_OID = 10_000
/** pg_statistic, pg_statistic_ext_data, pg_largeobject: catalogs that hold values of other relations. */
const CATALOGS_WITH_VALUES: ReadonlySet<number> = new Set([2619, 3429, 2613])

type Found = Map<number, Map<number, ColumnRule>>

/**
 * Resolves column rules against a catalog. Beside the columns that the globs name, a column is protected when it shares
 * its rows with a protected one (partitions and inheritance, both ways) and when it belongs to a view that reads one:
 * which of a view's columns carries the value is not traced, so all of them count.
 */
export function resolveProtectedColumns(rules: readonly ColumnRule[], catalog: Catalog): ProtectedColumns {
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
      if (relation.kind === 'view' && spreadToView(relation, { catalog, found, anyRule })) grew = true
    }
  }
  return { byOid: found, anyRule }
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

function spreadToView(
  view: CatalogRelation,
  {
    catalog,
    found,
    anyRule,
  }: { readonly catalog: Catalog; readonly found: Found; readonly anyRule: ColumnRule },
): boolean {
  const rule = view.callsFunctions ? anyRule : ruleBehind(view, { catalog, found, anyRule })
  if (rule === undefined) return false
  let grew = false
  for (const { number } of view.columns) {
    if (protect(found, { oid: view.oid, number, rule })) grew = true
  }
  return grew
}

/** The rule of a protected value that a view's definition can reach; undefined when it reaches none. */
function ruleBehind(
  view: CatalogRelation,
  {
    catalog,
    found,
    anyRule,
  }: { readonly catalog: Catalog; readonly found: Found; readonly anyRule: ColumnRule },
): ColumnRule | undefined {
  for (const { oid, columns } of view.reads) {
    if (oid === view.oid) continue
    const behind = found.get(oid)
    for (const [number, rule] of behind ?? []) {
      if (columns.includes(0) || columns.includes(number)) return rule
    }
    if (isSystemSource(oid, catalog)) return anyRule
    // The snapshot does not know what the view reads: fail closed.
    if (oid >= catalog.firstUserOid && !catalog.byOid.has(oid)) return anyRule
  }
  return undefined
}

function isSystemSource(oid: number, catalog: Catalog): boolean {
  const isSystemView = oid >= FIRST_SYSTEM_VIEW_OID && oid < catalog.firstUserOid
  return isSystemView || CATALOGS_WITH_VALUES.has(oid)
}
