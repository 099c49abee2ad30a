import type { StatementFacts, TextFacts } from '../../domain/facts.js'
import { DEFINITION_READERS, readUnknownStatement } from './definition-readers.js'
import { EXPRESSION_READERS } from './expression-readers.js'
import { parseText } from './grammar.js'
import { MODIFICATION_READERS } from './modification-readers.js'
import { SESSION_READERS } from './session-readers.js'
import { readSettings, SETTING_READERS } from './setting-readers.js'
import type { Tree } from './syntax-tree.js'
import { readUses } from './use-reader.js'
import { type NodeReader, type Readers, TooDeep, Walk } from './walk.js'

/** Statements in one text. A text of a megabyte could hold a hundred thousand, each with facts of its own. */
export const STATEMENTS_MAX = 10_000

/** A modification inside a statement is a command of its own, whose rows are not the client's. */
const NESTED_COMMANDS: readonly (readonly [string, NodeReader])[] = MODIFICATION_READERS.map(([type]) => [
  type,
  (walk, body, scope) => walk.statement({ [type]: body }, scope, { outermost: false }),
])

/** A definition inside another, `CREATE SCHEMA s CREATE TABLE t`: also a command of its own. */
const NESTED_DEFINITIONS: readonly (readonly [string, NodeReader])[] = [
  'CreateStmt',
  'ViewStmt',
  'IndexStmt',
  'CreateSeqStmt',
  'CreateTrigStmt',
  'GrantStmt',
  'NotifyStmt',
].map(type => [type, (walk, body, scope) => walk.statement({ [type]: body }, scope, { outermost: false })])

const READERS: Readers = {
  nodes: new Map<string, NodeReader>([
    ...EXPRESSION_READERS,
    ...NESTED_COMMANDS,
    ...NESTED_DEFINITIONS,
    ['VariableSetStmt', readSettings],
  ]),
  statements: new Map([
    ...DEFINITION_READERS,
    ...SESSION_READERS,
    ...MODIFICATION_READERS,
    ...SETTING_READERS,
  ]),
  unknown: readUnknownStatement,
}

/** Facts, and whether the parser survived. A damaged parser answers wrongly or never: replace its instance. */
export interface Reading {
  readonly facts: TextFacts
  readonly damaged: boolean
}

/**
 * Reads what a text does, by PostgreSQL's own grammar. Total: a text that the grammar refuses, that is too deep or that
 * surprises us is not understood (INVARIANT 2), never an exception. `loadPostgresGrammar` must have been awaited.
 *
 * @example readPostgresText('DELETE FROM orders') // understood, statements[0].commands[0].filtered === false
 */
export function readPostgresText(text: string): TextFacts {
  return readPostgresTextGuarded(text).facts
}

/** The same, for a caller that can replace the parser. */
export function readPostgresTextGuarded(text: string): Reading {
  const parsed = parseText(text)
  if (parsed.kind === 'damaged') return refuse(parsed.reason, true)
  if (parsed.kind === 'refused') {
    const { reason, syntaxError } = parsed
    const facts = {
      understood: false,
      reason,
      ...(syntaxError === undefined ? {} : { syntaxError }),
    } as const
    return { facts, damaged: false }
  }
  if (parsed.statements.length > STATEMENTS_MAX)
    return refuse(`more than ${STATEMENTS_MAX} statements in one text`)
  try {
    return { facts: { understood: true, statements: parsed.statements.map(readStatement) }, damaged: false }
  } catch (error) {
    // Fail closed. The walk has no state beyond the statement, so nothing is damaged by it.
    return refuse(
      error instanceof TooDeep ? 'the statement is too deeply nested' : 'the statement could not be read',
    )
  }
}

/** The facts of one statement, from its tree. Throws when the tree is deeper than `WALK_DEPTH_MAX`. */
export function readStatement(tree: Tree): StatementFacts {
  const walk = new Walk(READERS)
  walk.statement(tree, undefined, { outermost: true })
  return {
    commands: walk.commands.map(command => command.finish()),
    flow: { ...walk.flow.finish(), uses: readUses(tree) },
  }
}

function refuse(reason: string, damaged = false): Reading {
  return { facts: { understood: false, reason }, damaged }
}
