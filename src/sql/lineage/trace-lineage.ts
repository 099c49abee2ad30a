import type { Catalog } from '../../domain/catalog.js'
import type { StatementLineage, StatementRows } from '../../domain/lineage.js'
import { parseText } from '../postgres/grammar.js'
import { bodyOf, isTree, type Tree, treeAt, typeOf } from '../postgres/syntax-tree.js'
import { traceExpression } from './expression.js'
import { traceModification } from './modification.js'
import { traceQuery } from './query.js'
import { type Shape, wholeRow } from './shape.js'
import { describeSources, NOTHING, unite } from './sources.js'
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

/** `CURSOR_OPT_HOLD` of parsenodes.h: rows that outlive their transaction outlive the definitions they were made by. */
const CURSOR_HOLDS = 0x0020

function readStatement(tracer: Tracer, statement: Tree): StatementLineage {
  const rows = readRows(tracer, statement)
  return tracer.stored === undefined ? rows : { ...rows, stored: describeSources(tracer.stored) }
}

function readRows(tracer: Tracer, statement: Tree): StatementRows {
  const type = typeOf(statement) ?? ''
  const body = bodyOf(statement, type) ?? {}
  switch (type) {
    case 'SelectStmt':
      return readSelect(tracer, body)
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt': {
      const shape = tracer.modification(type, body, OUTSIDE)
      return treeAt(body, 'returningClause') === undefined ? { kind: 'none' } : describe(shape)
    }
    case 'CopyStmt':
    case 'PrepareStmt':
    case 'DeclareCursorStmt': {
      const query = treeAt(body, 'query')
      const holds = typeof body.options === 'number' && (body.options & CURSOR_HOLDS) !== 0
      return isTree(query) && !holds ? tracer.nested(() => readRows(tracer, query)) : { kind: 'none' }
    }
    case 'CreateTableAsStmt':
    case 'ViewStmt':
      return readDefinition(tracer, body)
    case 'ExecuteStmt':
      return { kind: 'named', parameters: describeSources(tracer.expression(body.params, OUTSIDE)) }
    case 'FetchStmt':
      return body.ismove === true ? { kind: 'none' } : { kind: 'named', parameters: describeSources(NOTHING) }
    default:
      return { kind: 'none' }
  }
}

function readSelect(tracer: Tracer, body: Tree): StatementRows {
  const shape = tracer.query(body, OUTSIDE)
  if (treeAt(body, 'intoClause') === undefined) return describe(shape)
  tracer.store(unite([wholeRow(shape), shape.rows]))
  return { kind: 'none' }
}

/** CREATE TABLE AS, CREATE MATERIALIZED VIEW, CREATE VIEW: all that the query gives. */
function readDefinition(tracer: Tracer, body: Tree): StatementRows {
  const query = bodyOf(body.query, 'SelectStmt')
  if (query === undefined) return { kind: 'none' }
  const shape = tracer.query(query, OUTSIDE)
  tracer.store(unite([wholeRow(shape), shape.rows]))
  return { kind: 'none' }
}

function describe(shape: Shape): StatementRows {
  return shape.sealed
    ? { kind: 'outputs', outputs: shape.columns.map(column => describeSources(column.sources)) }
    : { kind: 'any', lineage: describeSources(wholeRow(shape)) }
}
