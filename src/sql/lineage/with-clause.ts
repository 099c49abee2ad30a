import {
  bodyOf,
  isTree,
  listAt,
  stringsAt,
  type Tree,
  textAt,
  treeAt,
  typeOf,
} from '../postgres/syntax-tree.js'
import { alsoFrom, openShape, renamed, type Shape, sameShape, wholeRow } from './shape.js'
import { NOTHING, unite, unknownSources } from './sources.js'
import { type Scope, type Tables, type Tracer, Untraceable } from './tracer.js'

/** Rounds until the columns of a recursive query stop growing. Each carries a value one column further. */
const ROUNDS_MAX = 24

/** The scope in which the common table expressions of a statement can be named. PostgreSQL 18, 7.8. */
export function withTables(tracer: Tracer, clause: Tree | undefined, around: Scope): Scope {
  if (clause === undefined) return around
  const bodies = listAt(clause, 'ctes').map(item => bodyOf(item, 'CommonTableExpr') ?? {})
  if (clause.recursive === true) return recursiveTables(tracer, bodies, around)
  let scope = around
  for (const body of bodies) {
    const shape = tableShape(tracer, body, scope)
    scope = { ...scope, tables: { name: nameOf(body), shape: () => shape, outer: scope.tables } }
  }
  return scope
}

/** With RECURSIVE each can name all of them, and the rows of one are read when another asks for them. */
function recursiveTables(tracer: Tracer, bodies: readonly Tree[], around: Scope): Scope {
  const running: Recursion[] = []
  const recursions = bodies.map(body => new Recursion(tracer, body, running))
  let tables = around.tables
  for (const recursion of recursions) {
    const outer: Tables | undefined = tables
    tables = { name: recursion.name, shape: () => recursion.shape(), outer }
  }
  const scope = { ...around, tables }
  for (const recursion of recursions) recursion.scope = scope
  // Also those that nobody asks for: a modification among them must be one that can be followed.
  for (const recursion of recursions) recursion.shape()
  return scope
}

/** A table that can name itself: read again and again until what it is read as is what it gives. */
class Recursion {
  readonly name: string
  scope: Scope | undefined
  #state: 'waiting' | 'running' | 'done' = 'waiting'
  #shape: Shape = openShape(NOTHING)
  #asked = false

  constructor(
    readonly tracer: Tracer,
    readonly body: Tree,
    readonly running: Recursion[],
  ) {
    this.name = nameOf(body)
  }

  shape(): Shape {
    if (this.#state === 'waiting') this.#read()
    else if (this.#state === 'running') {
      // Only itself may ask: tables that name each other in a circle are refused by the server.
      if (this.running.at(-1) !== this) throw new Untraceable('tables name each other')
      this.#asked = true
    }
    return this.#shape
  }

  #read(): void {
    const { scope } = this
    if (scope === undefined) throw new Untraceable('a table is not known yet')
    this.#state = 'running'
    this.running.push(this)
    for (let round = 0; ; round += 1) {
      const read = tableShape(this.tracer, this.body, scope)
      const next = this.#asked ? countedBy(read) : read
      const settled = round > 0 && sameShape(next, this.#shape)
      this.#shape = round < ROUNDS_MAX ? next : openShape(unknownSources('a recursion has too many rounds'))
      if (settled || !this.#asked || round >= ROUNDS_MAX) break
    }
    this.running.pop()
    this.#state = 'done'
  }
}

/**
 * A table that counts up until a condition ends it holds what the condition compares: how often it was read is in its
 * values.
 */
function countedBy(shape: Shape): Shape {
  return alsoFrom(shape, unite([shape.rows, shape.conditions ?? NOTHING]))
}

function tableShape(tracer: Tracer, body: Tree, scope: Scope): Shape {
  const shape = renamed(bodyShape(tracer, body.ctequery, scope), stringsAt(body, 'aliascolnames'))
  if (treeAt(body, 'search_clause') === undefined && treeAt(body, 'cycle_clause') === undefined) return shape
  // They add columns, which hold values of the others.
  return { ...shape, sealed: false, rest: wholeRow(shape) }
}

function bodyShape(tracer: Tracer, node: unknown, scope: Scope): Shape {
  const type = isTree(node) ? typeOf(node) : undefined
  const body = type === undefined ? undefined : bodyOf(node, type)
  if (type === undefined || body === undefined) throw new Untraceable('a table has no query')
  return type === 'SelectStmt' ? tracer.query(body, scope) : tracer.modification(type, body, scope)
}

function nameOf(body: Tree): string {
  return textAt(body, 'ctename') ?? ''
}
