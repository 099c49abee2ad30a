import type { Catalog, DatabaseCode } from '../domain/catalog.js'
import type { FlowFacts } from '../domain/facts.js'
import type { Touched } from './touched.js'
import { isTraceableType } from './traceable-types.js'

/** Operators and casts of the database that run in a statement: they read what they like, as its functions do. */
export interface OwnCode {
  readonly runs: boolean
  /** Runs where no name in the text says so: lineage does not see it. */
  readonly isHidden: boolean
  /** The subject of a sentence, for the person who sent the statement. */
  readonly what: string
}

const NONE: OwnCode = { runs: false, isHidden: false, what: '' }

const NO_CODE: DatabaseCode = {
  operators: new Set(),
  ownTypeOperators: new Set(),
  castTargets: new Set(),
  casts: { builtIn: false, toOwn: false, fromOwn: false },
  plainTypes: new Set(),
  plainTypeOids: new Set(),
}

/**
 * Finds the code of the database that operators and casts of a statement can run. The server chooses by types, which
 * nobody knows here: a name that one of the database's operators has counts as that one, unless it takes a type of its
 * own and no such value can be there (PostgreSQL manual, chapter 10).
 */
export function readOwnCode(facts: FlowFacts, touched: Touched, { code = NO_CODE }: Catalog): OwnCode {
  const { operators } = facts.uses
  const ownTypes = touched.ownTypes || facts.wholeRow
  const takesOwn = ownTypes || code.casts.toOwn
  const hidden =
    operators.find(({ name }) => takesOwn && code.ownTypeOperators.has(name)) ??
    // Equality is also what CASE, IN, USING and NATURAL mean, and lineage looks at written names.
    operators.find(({ name }) => name === '=' && code.operators.has(name))
  if (hidden !== undefined) return { runs: true, isHidden: true, what: `its operator "${hidden.name}"` }
  const target = facts.casts.find(name => code.castTargets.has(name))
  if (target !== undefined) return { runs: true, isHidden: true, what: `its cast to "${target}"` }
  if (code.casts.builtIn || (ownTypes && code.casts.fromOwn))
    return { runs: true, isHidden: true, what: 'a cast that the database makes unasked' }
  const operator = operators.find(({ name, builtIn }) => !builtIn || code.operators.has(name))
  if (operator !== undefined) return { runs: true, isHidden: false, what: `its operator "${operator.name}"` }
  const cast = facts.casts.find(name => !isTraceableType(name) && !code.plainTypes.has(name))
  return cast === undefined ? NONE : { runs: true, isHidden: false, what: `its cast to "${cast}"` }
}
