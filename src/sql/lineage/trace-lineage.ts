import type { Catalog } from '../../domain/catalog.js'
import type { StatementLineage } from '../../domain/lineage.js'
import { parseText } from '../postgres/grammar.js'
import { bodyOf, isTree, type Tree, treeAt, typeOf } from '../postgres/syntax-tree.js'
import { traceExpression } from './expression.js'
import { traceModification } from './modification.js'
import { traceQuery } from './query.js'
import { type Shape, wholeRow } from './shape.js'
import { describeSources } from './sources.js'
import { type LineageOptions, OUTSIDE, type Parts, Tracer, Untraceable } from './tracer.js'

const PARTS: Parts = { expression: traceExpression, query: traceQuery, modification: traceModification }

/**
 * Says for each statement of a text which columns of the catalog its outputs are computed from. Never less than the
 * truth: what is not followed is unknown, and so is every statement of a text that the grammar refuses (no entries).
 * The catalog may be older than the database and unqualified names may mean any relation of that name. Conditions, join
 * conditions, sort and group keys are not a part of lineage. `loadPostgresGrammar` must have been awaited, and the text
 * must be a small one: it is read on the spot.
 *
 * @example traceLineage('SELECT upper(city) FROM customers', catalog, options) // one output, of customers.city
 */
export function traceLineage(
  text: string,
  catalog: Catalog,
  options: LineageOptions,
): readonly StatementLineage[] {
  const parsed = parseText(text)
  if (parsed.kind !== 'parsed') return []
  return parsed.statements.map(statement => traceStatement(statement, catalog, options))
}

/** The same for a statement that was parsed already. */
export function traceStatement(statement: Tree, catalog: Catalog, options: LineageOptions): StatementLineage {
  try {
    return readStatement(new Tracer(catalog, options, PARTS), statement)
  } catch (error) {
    // Fail closed, also where the tree surprised us: nothing of a statement is believed then.
    const reason = error instanceof Untraceable ? error.message : 'it could not be followed'
    return { kind: 'any', lineage: { kind: 'unknown', reason } }
  }
}

/** Statements around a query whose rows are its rows. */
const WRAPPING: ReadonlySet<string> = new Set(['CopyStmt', 'DeclareCursorStmt', 'PrepareStmt'])

function readStatement(tracer: Tracer, statement: Tree): StatementLineage {
  const type = typeOf(statement) ?? ''
  const body = bodyOf(statement, type) ?? {}
  if (WRAPPING.has(type)) {
    const query = treeAt(body, 'query')
    return isTree(query) ? tracer.nested(() => readStatement(tracer, query)) : { kind: 'none' }
  }
  switch (type) {
    case 'SelectStmt':
      return treeAt(body, 'intoClause') === undefined
        ? describe(tracer.query(body, OUTSIDE))
        : { kind: 'none' }
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt':
      return treeAt(body, 'returningClause') === undefined
        ? { kind: 'none' }
        : describe(tracer.modification(type, body, OUTSIDE))
    default:
      return { kind: 'none' }
  }
}

function describe(shape: Shape): StatementLineage {
  return shape.sealed
    ? { kind: 'outputs', outputs: shape.columns.map(column => describeSources(column.sources)) }
    : { kind: 'any', lineage: describeSources(wholeRow(shape)) }
}
