import type { Catalog, CatalogRelation } from '../../domain/catalog.js'
import type { OutputLineage } from '../../domain/lineage.js'
import { parseText } from '../postgres/grammar.js'
import { traceStatement } from './trace-lineage.js'
import type { LineageOptions } from './tracer.js'

/** What a definition tells of the columns of its view. */
export type ViewLineage =
  /** One entry for each column, in their order. */
  | { readonly kind: 'outputs'; readonly outputs: readonly OutputLineage[] }
  /** Nothing. */
  | { readonly kind: 'none' }
  /** Nothing, because the parser failed on it: it is not to be used any more. */
  | { readonly kind: 'damaged' }

/** UTF-16 units. */
const DEFINITION_LENGTH_MAX = 16 * 1024
/**
 * Signs and words of a definition that can nest, inside of strings as well. The server spells all that nests with them, and
 * the main thread's parser stands twice as many in a row (`SMALL_TEXT_LENGTH_MAX`).
 */
const NESTING_MAX = 2_000
const NESTING = /[([{]|\b(?:case|union|intersect|except|join|not)\b/gi

/**
 * Says what the columns of a view are computed from, by the definition in the same snapshot; the columns of other views
 * that it reads stay as they are. Where the catalog and the text contradict each other nothing is believed: the catalog
 * numbers what a view reads, and the text names it.
 */
export function traceView(view: CatalogRelation, catalog: Catalog, options: LineageOptions): ViewLineage {
  const { definition } = view
  if (definition === undefined || !isFlat(definition)) return NONE
  const parsed = parseText(definition)
  if (parsed.kind === 'damaged') return parsed
  const [statement, more] = parsed.kind === 'parsed' ? parsed.statements : []
  if (statement === undefined || more !== undefined) return NONE
  const lineage = traceStatement(statement, catalog, options)
  if (lineage.kind !== 'outputs' || lineage.outputs.length !== view.columns.length) return NONE
  // A view loses no column, so its columns are numbered in the order of the query's outputs.
  if (view.columns.some(({ number }, index) => number !== index + 1)) return NONE
  return { kind: 'outputs', outputs: lineage.outputs.map(output => checked(output, view)) }
}

const NONE: ViewLineage = { kind: 'none' }

function isFlat(text: string): boolean {
  return text.length <= DEFINITION_LENGTH_MAX && (text.match(NESTING) ?? []).length <= NESTING_MAX
}

function checked(output: OutputLineage, { reads, callsFunctions }: CatalogRelation): OutputLineage {
  if (output.kind === 'unknown') return output
  // The server spells no implicit cast, and that can be a call of a function of the database.
  if (callsFunctions && output.isCopy !== true) {
    return { kind: 'unknown', reason: 'the view calls a function that is not followed' }
  }
  const isRead = output.columns.some(({ oid, number }) =>
    reads.some(read => read.oid === oid && (read.columns.includes(number) || read.columns.includes(0))),
  )
  return isRead || output.columns.length === 0
    ? output
    : { kind: 'unknown', reason: 'the definition of a view is not the one that was read' }
}
