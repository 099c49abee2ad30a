import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { type Activation, ConnectionView, NowView, PrincipalView, StatementView } from './activation.js'
import { LinearMatch } from './linear-match.js'

/** Longest expression, in UTF-16 code units. */
const EXPRESSION_LENGTH_MAX = 10_000
/** Loops within loops: each level multiplies the work by the length of a list that the client chooses. */
const LOOP_DEPTH_MAX = 2
const LOOPS = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])

/** A condition, compiled and checked. */
export interface Expression {
  /** True when the answer can differ from one moment to the next. */
  readonly usesNow: boolean
  /** True when the whole text may be read, which costs time by its length. */
  readonly usesText: boolean
  /** Texts in capitals that stand in it: the verbs and objects it speaks of by name. */
  readonly words: readonly string[]
  /** Throws when the condition cannot be evaluated. */
  test(activation: Activation): boolean
}

/** Why an expression does not compile; `offset` counts UTF-16 code units from 0. */
export interface ExpressionProblem {
  readonly message: string
  readonly offset: number
}

export type CompiledExpression =
  | { readonly ok: true; readonly expression: Expression }
  | { readonly ok: false; readonly problem: ExpressionProblem }

/** Compiles the expressions of one policy: CEL with the variables of `docs/policy.md`, types checked, work bounded. */
export class ExpressionCompiler {
  readonly #match = new LinearMatch()
  readonly #environment = makeEnvironment(this.#match)

  /** Never throws. */
  compile(source: string): CompiledExpression {
    if (source.length > EXPRESSION_LENGTH_MAX) {
      return refuse(`the expression is longer than ${EXPRESSION_LENGTH_MAX} characters`, 0)
    }
    try {
      const parsed = this.#environment.parse(source)
      const problem = bound(parsed.ast, this.#match, 0)
      if (problem !== undefined) return { ok: false, problem }
      const checked = parsed.check()
      if (!checked.valid) return refuseError(checked.error)
      if (checked.type !== 'bool')
        return refuse(`the expression must be true or false, and is a ${checked.type}`, 0)
      const test = (activation: Activation): boolean => readAnswer(parsed(activation))
      return {
        ok: true,
        expression: {
          usesNow: names(parsed.ast, 'now'),
          usesText: source.includes('text'),
          words: capitals(parsed.ast),
          test,
        },
      }
    } catch (error) {
      return refuseError(error)
    }
  }
}

function makeEnvironment(match: LinearMatch): Environment {
  return new Environment()
    .registerType('Statement', {
      ctor: StatementView,
      fields: {
        verb: 'string',
        object: 'string',
        text: 'string',
        nested: 'bool',
        writes: 'bool',
        filtered: 'bool',
        understood: 'bool',
        drops: 'bool',
        defines: 'bool',
        opaque: 'bool',
        server_access: 'bool',
        tables: 'list<string>',
        written_tables: 'list<string>',
        functions: 'list<string>',
        settings: 'list<string>',
      },
    })
    .registerType('Principal', {
      ctor: PrincipalView,
      fields: { name: 'string', groups: 'list<string>', issuer: 'string', subject: 'string' },
    })
    .registerType('Connection', {
      ctor: ConnectionView,
      fields: { name: 'string', protocol: 'string', database: 'string' },
    })
    .registerType('Now', {
      ctor: NowView,
      fields: { hour: 'int', minute: 'int', weekday: 'int', time: 'google.protobuf.Timestamp' },
    })
    .registerVariable('statement', 'Statement')
    .registerVariable('principal', 'Principal')
    .registerVariable('connection', 'Connection')
    .registerVariable('now', 'Now')
    .registerVariable('role', 'string')
    .registerFunction(`string.${LINEAR_MATCH}(string): bool`, {
      handler: (text: string, pattern: string) => match.test(text, pattern),
      async: false,
    })
}

/** What calls of `matches` become; not a name that a rule can write. */
const LINEAR_MATCH = 'matches_linear'

/**
 * Bounds what evaluating can cost, before the types are checked: `matches` goes to the linear engine with a pattern that
 * is known now, and loops nest only so deep. The library's own `matches` backtracks and must never be reached.
 */
function bound(node: ASTNode, match: LinearMatch, loops: number): ExpressionProblem | undefined {
  let depth = loops
  if (node.op === 'rcall') {
    const [method, , [argument]] = node.args
    if (method === LINEAR_MATCH) return { message: `there is no function "${method}"`, offset: node.pos }
    if (method === 'matches') {
      if (argument?.op !== 'value' || typeof argument.args !== 'string') {
        return { message: 'matches() takes a pattern in quotes', offset: node.pos }
      }
      const problem = match.add(argument.args)
      if (problem !== undefined) return { message: problem, offset: argument.pos }
      node.args[0] = LINEAR_MATCH
    }
    if (LOOPS.has(method)) depth += 1
    if (depth > LOOP_DEPTH_MAX)
      return { message: `loops nest more than ${LOOP_DEPTH_MAX} deep`, offset: node.pos }
  }
  for (const child of children(node)) {
    const problem = bound(child, match, depth)
    if (problem !== undefined) return problem
  }
  return undefined
}

function names(node: ASTNode, variable: string): boolean {
  return (node.op === 'id' && node.args === variable) || children(node).some(child => names(child, variable))
}

function capitals(node: ASTNode): readonly string[] {
  if (node.op === 'value')
    return typeof node.args === 'string' && /^[A-Z][A-Z ]*$/.test(node.args) ? [node.args] : []
  return children(node).flatMap(capitals)
}

function children(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return []
    case '.':
    case '.?':
      return [node.args[0]]
    case 'call':
      return node.args[1]
    case 'rcall':
      return [node.args[1], ...node.args[2]]
    case 'map':
      return node.args.flat()
    case '!_':
    case '-_':
      return [node.args]
    default:
      return node.args
  }
}

/** CEL may answer with anything where types are dynamic: only true and false are answers. */
function readAnswer(answer: unknown): boolean {
  if (answer === true || answer === false) return answer
  throw new Error('the expression is neither true nor false')
}

function refuse(message: string, offset: number): CompiledExpression {
  return { ok: false, problem: { message, offset } }
}

function refuseError(error: unknown): CompiledExpression {
  const { summary, range } = describeExpressionError(error)
  return refuse(summary, range?.start ?? 0)
}

/** What went wrong in an expression, without the excerpt of its text that the library adds. */
export function describeExpressionError(error: unknown): {
  readonly summary: string
  readonly range?: { readonly start: number }
} {
  if (error instanceof Error) {
    const summary = 'summary' in error && typeof error.summary === 'string' ? error.summary : error.message
    const range = 'range' in error ? readRange(error.range) : undefined
    return range === undefined ? { summary } : { summary, range }
  }
  return { summary: 'the expression cannot be read' }
}

function readRange(range: unknown): { readonly start: number; readonly end: number } | undefined {
  if (typeof range !== 'object' || range === null || !('start' in range) || !('end' in range))
    return undefined
  return typeof range.start === 'number' && typeof range.end === 'number'
    ? { start: range.start, end: range.end }
    : undefined
}
