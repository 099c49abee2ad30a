import type { ColumnUse, FlowFacts, StatementFacts, UseFacts } from '../domain/facts.js'
import { type OwnCode, readOwnCode } from './own-code.js'
import { type Protection, type Touched, touch } from './touched.js'
import { isTraceable, keepsArguments, mayKeepArguments, runsSql, takesRow } from './traceable-functions.js'
import { isTraceableType } from './traceable-types.js'

/** How protected values can move in one statement. Conservative: what is not known to be harmless is not. */
export interface Flow {
  readonly facts: FlowFacts
  readonly touched: Touched
  /** A protected column's value, by name or unnamed, can be in an expression of the result or in what is stored. */
  readonly carries: boolean
  /** The same, and also a condition or a sort key that names one: enough for a function that keeps its arguments. */
  readonly reaches: boolean
  /** Operators and casts of the database that run in it. */
  readonly ownCode: OwnCode
  /** A protected column is named where values travel. */
  readonly mentions: boolean
  /** Values come from where nobody can see: a function that is not built in or not traceable, a relation not known. */
  readonly foreign: boolean
  readonly calls: Calls
}

/** The functions of a statement by what is known of them. */
export interface Calls {
  /** Not on the list of traceable functions, or one of the database's own: may return any protected value. */
  readonly untraceable: boolean
  /** One of those is the server's and could keep or signal its arguments. */
  readonly mayKeep: boolean
  /** One of those is the database's own, also behind an operator or a cast, or a name nobody knows: also a field that could be a call, `(row).name`. */
  readonly userDefined: boolean
  readonly keeping: boolean
  readonly runsSql: boolean
  /** The number of rows is an argument: `generate_series(1, salary)`. */
  readonly countsRows: boolean
}

/** Follows the values of one statement, or of several that run as one. */
export function readFlow(facts: FlowFacts, protection: Protection): Flow {
  const touched = touch(facts, protection)
  const ownCode = readOwnCode(facts, touched, protection.catalog)
  const calls = readCalls(facts, protection, ownCode)
  const touches = touched.rule !== undefined
  const output = facts.columns.filter(column => column.place === 'output')
  const takesRow = (column: ColumnUse): boolean => takesRowByName(column.name, touched, protection)
  const mentions = touches && output.some(column => touched.names.has(column.name))
  const unnamed =
    facts.innerStar ||
    facts.wholeRow ||
    facts.setOperation ||
    facts.renamesColumns ||
    facts.casts.some(name => !isTraceableType(name)) ||
    output.some(takesRow)
  const carries = touches && (mentions || unnamed)
  return {
    facts,
    touched,
    carries,
    reaches:
      carries ||
      (touches && facts.columns.some(column => touched.names.has(column.name) || takesRow(column))),
    mentions,
    foreign: touched.unknownRead || (calls.untraceable && protection.columns.byOid.size > 0),
    calls,
    ownCode,
  }
}

/**
 * True when `c.name` can be the call `name(c)` (PostgreSQL manual, section 8.16.5). Where every protected relation has
 * a column of that name, the column wins and the row is not taken.
 */
export function takesRowByName(name: string, touched: Touched, { catalog }: Protection): boolean {
  if (!takesRow(name) && !catalog.userFunctions.has(name)) return false
  return (
    touched.systemValues ||
    !touched.relations.every(relation => relation.columns.some(column => column.name === name))
  )
}

function readCalls(facts: FlowFacts, { catalog }: Protection, ownCode: OwnCode): Calls {
  let mayKeep = false
  let userDefined = ownCode.runs
  let keeping = false
  let sql = false
  let countsRows = false
  for (const { schema, name } of facts.functions) {
    const builtIn = (schema === undefined || schema === 'pg_catalog') && !catalog.userFunctions.has(name)
    if (builtIn && !isTraceable(name) && (mayKeepArguments(name) || schema !== undefined)) mayKeep = true
    else if (!builtIn || !isTraceable(name)) userDefined = true
    if (keepsArguments(name)) keeping = true
    if (runsSql(name)) sql = true
    if (name === 'generate_series') countsRows = true
  }
  return { untraceable: mayKeep || userDefined, mayKeep, userDefined, keeping, runsSql: sql, countsRows }
}

/** The facts of statements that run as one: EXECUTE with the statement behind its name. */
export function unite(flows: readonly FlowFacts[]): FlowFacts {
  const [first] = flows
  if (first !== undefined && flows.length === 1) return first
  return {
    relations: flows.flatMap(flow => flow.relations),
    columns: flows.flatMap(flow => flow.columns),
    functions: flows.flatMap(flow => flow.functions),
    casts: flows.flatMap(flow => flow.casts),
    setOperation: flows.some(flow => flow.setOperation),
    innerStar: flows.some(flow => flow.innerStar),
    wholeRow: flows.some(flow => flow.wholeRow),
    renamesColumns: flows.some(flow => flow.renamesColumns),
    storesData: flows.some(flow => flow.storesData),
    copy: flows.find(flow => flow.copy !== undefined)?.copy,
    sessionName: flows.find(flow => flow.sessionName !== undefined)?.sessionName,
    uses: uniteUses(flows.map(flow => flow.uses)),
  }
}

function uniteUses(all: readonly UseFacts[]): UseFacts {
  return {
    used: all.flatMap(uses => uses.used),
    renames: all.flatMap(uses => uses.renames),
    rows: all.flatMap(uses => uses.rows),
    mixesNames: all.some(uses => uses.mixesNames),
    showsStar: all.some(uses => uses.showsStar),
    operators: all.flatMap(uses => uses.operators),
    written: all.flatMap(uses => uses.written),
  }
}

/** True when a statement runs another one by its name in the session. */
export function runsNamed({ flow }: StatementFacts): boolean {
  return flow.sessionName?.kind === 'execute' || flow.sessionName?.kind === 'fetch'
}
