import type { Catalog, CatalogRelation } from './catalog.js'

/** A column of a relation of the catalog, by the relation's OID and the attribute number. */
export interface ColumnOrigin {
  readonly oid: number
  readonly number: number
}

/** What the values of an output column are computed from. Conditions and sort keys are not a part of it. */
export type OutputLineage =
  /** From these columns at most, and from constants, parameters and the session. */
  | {
      readonly kind: 'columns'
      readonly columns: readonly ColumnOrigin[]
      /** Set when each value is a value of the one column that is named, as it is. */
      readonly isCopy?: true
    }
  /** From what nobody could follow; `reason` is half a sentence, without values. */
  | { readonly kind: 'unknown'; readonly reason: string }

/** What the outputs of one statement are computed from, and what it stores. */
export type StatementLineage = StatementRows & {
  /** What is computed to be stored, or defined as a view, with how many rows there are. Absent: nobody looked. */
  readonly stored?: OutputLineage
}

/** What the outputs of one statement are computed from. */
export type StatementRows =
  /** One entry for each output, in their order. */
  | { readonly kind: 'outputs'; readonly outputs: readonly OutputLineage[] }
  /** How many outputs there are, or in which order, depends on definitions that can change: this is what any can hold. */
  | { readonly kind: 'any'; readonly lineage: OutputLineage }
  /** The rows of what stands behind a name of the session; `parameters` is what is computed for it. */
  | { readonly kind: 'named'; readonly parameters: OutputLineage }
  /** The statement shows no rows of its own, or nothing is said about them. */
  | { readonly kind: 'none' }

/** What the columns of a view are computed from, in their order; undefined where its definition tells nothing. */
export type TraceView = (view: CatalogRelation, catalog: Catalog) => readonly OutputLineage[] | undefined
