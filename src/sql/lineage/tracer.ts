import type { Catalog } from '../../domain/catalog.js'
import { isTree, type Tree, typeOf } from '../postgres/syntax-tree.js'
import type { Frame, Shape } from './shape.js'
import { asComputed, NOTHING, type Sources, unite } from './sources.js'

/** What is known of the functions and types of the server. Names are as written, without their schema. */
export interface LineageOptions {
  /** True when the result of the function comes from its arguments, the session or definitions, and nowhere else. */
  isTraceable(functionName: string): boolean
  /** True when a cast to the type computes from the value alone. */
  isBuiltInType(typeName: string): boolean
  /** True when a built-in function of the name takes a whole row, so that `alias.name` can be a call of it. */
  takesRow(functionName: string): boolean
}

/** A common table expression and those around. */
export interface Tables {
  readonly name: string
  readonly shape: () => Shape
  readonly outer: Tables | undefined
}

/** Where an expression stands. A change is a new scope. */
export interface Scope {
  readonly frame: Frame | undefined
  readonly tables: Tables | undefined
  /** The WINDOW clause of the query. */
  readonly windows: readonly unknown[]
  /** What decides how many rows there are here: aggregates and window functions count them. */
  readonly rows: Sources
}

/** Outside of any query. */
export const OUTSIDE: Scope = { frame: undefined, tables: undefined, windows: [], rows: NOTHING }

/** Nodes below each other, and nodes in all; recursion reads some more than once. */
const DEPTH_MAX = 400
const STEPS_MAX = 20_000
/** Columns that are as much work as one step. */
const COLUMNS_PER_STEP = 4

/** Thrown where a statement cannot be followed at all; caught where the text is read. */
export class Untraceable extends Error {}

/** The parts that trace each other. Values and not imports, so that no file imports itself in a circle. */
export interface Parts {
  readonly expression: (tracer: Tracer, node: unknown, scope: Scope) => Sources
  readonly query: (tracer: Tracer, body: Tree, scope: Scope) => Shape
  readonly modification: (tracer: Tracer, type: string, body: Tree, scope: Scope) => Shape
}

/** Follows one statement. */
export class Tracer {
  /** What modifications store, all of them together. */
  stored: Sources | undefined
  #depth = 0
  #steps = 0

  constructor(
    readonly catalog: Catalog,
    readonly options: LineageOptions,
    readonly parts: Parts,
  ) {}

  /** Where the value of an expression can come from; lists and bodies are all of what is in them. */
  expression(node: unknown, scope: Scope): Sources {
    if (!isTree(node) && !Array.isArray(node)) return NOTHING
    const found = this.nested(() => this.parts.expression(this, node, scope))
    const sources = isTree(node) && typeOf(node) === 'ColumnRef' ? found : asComputed(found)
    this.#charge(sources.columns.size)
    return sources
  }

  /** The rows of a SELECT, VALUES or TABLE. */
  query(body: Tree, scope: Scope): Shape {
    const shape = this.nested(() => this.parts.query(this, body, scope))
    this.#charge(shape.columns.length)
    return shape
  }

  /** Notes what is stored. */
  store(sources: Sources): void {
    this.stored = this.stored === undefined ? sources : unite([this.stored, sources])
  }

  /** The rows of RETURNING. */
  modification(type: string, body: Tree, scope: Scope): Shape {
    return this.nested(() => this.parts.modification(this, type, body, scope))
  }

  #charge(columns: number): void {
    this.#steps += Math.floor(columns / COLUMNS_PER_STEP)
  }

  /** Counts a level down. */
  nested<T>(trace: () => T): T {
    this.#depth += 1
    this.#steps += 1
    if (this.#depth > DEPTH_MAX) throw new Untraceable('it is too deeply nested')
    if (this.#steps > STEPS_MAX) throw new Untraceable('it takes too many steps')
    const result = trace()
    this.#depth -= 1
    return result
  }
}
