import { hasSqlDetails, loadModule, parseSync, type SqlError } from 'libpg-query'
import type { GrammarError } from '../../domain/facts.js'
import { assignsWithinLimit, mayAssignSeveral } from './assignment-guard.js'
import { hasPlace, maybeUnplaced, readGrammarError } from './grammar-error.js'
import { isTree, listAt, type Tree, treeAt } from './syntax-tree.js'

/** What came of a text: the trees of its statements, or why there are none. */
export type Parsed =
  | { readonly kind: 'parsed'; readonly statements: readonly Tree[] }
  | { readonly kind: 'refused'; readonly reason: string; readonly syntaxError?: GrammarError }
  /** The parser itself failed. Its memory is not to be trusted from now on: the instance must be replaced. */
  | { readonly kind: 'damaged'; readonly reason: string }

/** Loads PostgreSQL's own parser, compiled to WebAssembly (libpg_query 18). Once is enough; later calls are free. */
export async function loadPostgresGrammar(): Promise<void> {
  await loadModule()
}

/** Parses a text as PostgreSQL 18 does. Total: whatever happens is in the result. */
export function parseText(text: string): Parsed {
  // The server ends a text at its first NUL, and the parser at its own: never let them disagree.
  if (text.includes('\0')) return { kind: 'refused', reason: 'the text contains a NUL character' }
  // A lone surrogate has no UTF-8 form, so the server cannot have been sent this text.
  if (/\p{Surrogate}/u.test(text)) return { kind: 'refused', reason: 'the text is not valid Unicode' }
  // The parser's library takes an empty text for a mistake; the server answers it with EmptyQueryResponse.
  if (text === '') return { kind: 'parsed', statements: [] }
  try {
    if (mayAssignSeveral(text) && !assignsWithinLimit(text)) {
      return { kind: 'refused', reason: 'too many columns are assigned from one source' }
    }
  } catch (error) {
    return error instanceof SyntaxError ? refuseWords(text) : readFailure(error, text)
  }
  try {
    return readResult(parseSync(text))
  } catch (error) {
    return readFailure(error, text)
  }
}

function readResult(result: unknown): Parsed {
  if (!isTree(result)) return { kind: 'damaged', reason: 'the parser gave no tree' }
  const statements: Tree[] = []
  for (const item of listAt(result, 'stmts')) {
    const statement = isTree(item) ? treeAt(item, 'stmt') : undefined
    if (statement === undefined)
      return { kind: 'damaged', reason: 'the parser gave a statement without a tree' }
    statements.push(statement)
  }
  return { kind: 'parsed', statements }
}

/** A syntax error is an answer. Anything else, an overflow above all, leaves the parser's stack where it was. */
function readFailure(error: unknown, text: string): Parsed {
  if (hasSqlDetails(error)) return readMistake(error, text)
  if (error instanceof SyntaxError) return { kind: 'refused', reason: NO_WORDS }
  return {
    kind: 'damaged',
    reason: error instanceof RangeError ? 'the text is too deeply nested' : 'the parser failed',
  }
}

function readMistake(error: SqlError, text: string): Parsed {
  const shifted = maybeUnplaced(error) ? failureOf(` ${text}`) : error
  // A parser that takes now what it did not take before is not to be trusted either.
  if (!hasSqlDetails(shifted)) return { kind: 'damaged', reason: 'the parser failed' }
  const syntaxError = readGrammarError(error, { isPlaced: shifted === error || hasPlace(shifted) })
  return { kind: 'refused', reason: error.message, ...(syntaxError === undefined ? {} : { syntaxError }) }
}

function failureOf(text: string): unknown {
  try {
    parseSync(text)
    return undefined
  } catch (error) {
    return error
  }
}

const NO_WORDS = 'the text cannot be divided into words'

/** What the scanner takes nowhere: a word of its own that is none, or what makes a quotation that never ends longer. */
const TAIL = '\n1a'

/**
 * A text whose words cannot be counted, an unterminated string and the like. Only the parser can say in the server's
 * words what is wrong with it; with a tail that nothing can end with it gives no tree in any case, however large.
 */
function refuseWords(text: string): Parsed {
  const refused = readFailure(failureOf(text + TAIL), text + TAIL)
  if (refused.kind !== 'refused' || refused.syntaxError === undefined) return refused
  const { message, position = 1 } = refused.syntaxError
  // The mistake is our own.
  if (position > [...text].length) return { kind: 'refused', reason: NO_WORDS }
  const cut = message.endsWith(`${TAIL}"`) ? `${message.slice(0, -TAIL.length - 1)}"` : message
  return { kind: 'refused', reason: cut, syntaxError: { ...refused.syntaxError, message: cut } }
}
