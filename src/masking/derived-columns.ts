import type { CatalogRelation } from '../domain/catalog.js'
import type { ColumnRule } from './protected-columns.js'

/** A column that holds what a protected one holds. */
export interface DerivedColumn {
  readonly number: number
  readonly rule: ColumnRule
}

/**
 * The columns of a relation whose values come from protected ones by the server's own doing: those that are generated from
 * one, and those of a foreign key to one, whose values are the same. The rule is that of the other column.
 */
export function derivedColumns(
  relation: CatalogRelation,
  found: ReadonlyMap<number, ReadonlyMap<number, ColumnRule>>,
): readonly DerivedColumn[] {
  const own = found.get(relation.oid)
  const derived: DerivedColumn[] = []
  for (const { number, generatedFrom = [] } of relation.columns) {
    // 0: nobody says from which.
    const from = generatedFrom.includes(0) ? [...(own?.keys() ?? [])] : generatedFrom
    const rule = from.map(one => own?.get(one)).find(one => one !== undefined)
    if (rule !== undefined) derived.push({ number, rule })
  }
  for (const { columns, references } of relation.constraints ?? []) {
    const other = references === undefined ? undefined : found.get(references.oid)
    for (const [at, number] of columns.entries()) {
      const rule = other?.get(references?.columns[at] ?? 0)
      if (rule !== undefined) derived.push({ number, rule })
    }
  }
  return derived
}
