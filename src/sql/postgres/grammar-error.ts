import type { SqlError } from 'libpg-query'
import type { GrammarError } from '../../domain/facts.js'

/** Where the scanner and the grammar are; anything else that fails is no mistake in the text. */
const FILES = /^(?:scan\.l|gram\.y|src_backend_parser_parser\.c|src_backend_utils_mb_mbutils\.c)$/

/** What the library does not say: SQLSTATE, detail and hint of the mistakes that are no plain syntax errors. */
interface Particulars {
  readonly words: RegExp
  readonly code?: string
  readonly detail?: string
  readonly hint?: string
}

const SYNTAX_ERROR = '42601'
const FEATURE_NOT_SUPPORTED = '0A000'
const WINDOWING_ERROR = '42P20'
const INVALID_PARAMETER_VALUE = '22023'
const RESERVED_NAME = '42939'
const DUPLICATE_OBJECT = '42710'
const CHARACTER_NOT_IN_REPERTOIRE = '22021'

/** From PostgreSQL's scan.l, gram.y and parser.c; codes by appendix A, "PostgreSQL Error Codes". */
const PARTICULARS: readonly Particulars[] = [
  { words: /^invalid byte sequence for encoding /, code: CHARACTER_NOT_IN_REPERTOIRE },
  {
    words: / (?:is|are) (?:no longer|not yet) |^MATCH PARTIAL not yet implemented$/,
    code: FEATURE_NOT_SUPPORTED,
  },
  { words: / constraints cannot be (?:marked|altered) /, code: FEATURE_NOT_SUPPORTED },
  { words: /^CREATE SCHEMA IF NOT EXISTS cannot include /, code: FEATURE_NOT_SUPPORTED },
  { words: /^CREATE OR REPLACE CONSTRAINT TRIGGER is not supported$/, code: FEATURE_NOT_SUPPORTED },
  { words: /^WITH CHECK OPTION not supported on /, code: FEATURE_NOT_SUPPORTED },
  { words: /^a column list with .* is only supported for ON DELETE /, code: FEATURE_NOT_SUPPORTED },
  { words: /^aggregates cannot have output arguments$/, code: FEATURE_NOT_SUPPORTED },
  { words: /^an ordered-set aggregate with a VARIADIC /, code: FEATURE_NOT_SUPPORTED },
  { words: /^current database cannot be changed$/, code: FEATURE_NOT_SUPPORTED },
  { words: /^frame (?:start|end|starting from) /, code: WINDOWING_ERROR },
  { words: /^precision for type float must be /, code: INVALID_PARAMETER_VALUE },
  { words: /^column number must be in range /, code: INVALID_PARAMETER_VALUE },
  { words: /^unrecognized partitioning strategy /, code: INVALID_PARAMETER_VALUE },
  { words: /^(?:modulus|remainder) for hash partition provided more than once$/, code: DUPLICATE_OBJECT },
  { words: /^role name ".*" is reserved$| cannot be used as a role name here$/, code: RESERVED_NAME },
  {
    words: /^UNENCRYPTED PASSWORD is no longer supported$/,
    hint: 'Remove UNENCRYPTED to store the password in encrypted form instead.',
  },
  {
    words: /^unrecognized row security option /,
    hint: 'Only PERMISSIVE or RESTRICTIVE policies are supported currently.',
  },
  { words: /^missing argument$/, hint: 'Use NONE to denote the missing argument of a unary operator.' },
  { words: /^LIMIT #,# syntax is not supported$/, hint: 'Use separate LIMIT and OFFSET clauses.' },
  {
    words: /^invalid publication object list$/,
    detail: 'One of TABLE or TABLES IN SCHEMA must be specified before a standalone table or schema name.',
  },
]

/** The same words for two mistakes: in a string with `E`, and in one with `U&`. */
const UNICODE_ESCAPE = 'invalid Unicode escape'

/**
 * What the server says of a text that its grammar does not take, from the error that parsing it gave; undefined when the
 * error is not about the text. `isPlaced` tells whether there is a position, where `maybeUnplaced` leaves it open.
 */
export function readGrammarError(
  error: SqlError,
  { isPlaced }: { readonly isPlaced: boolean },
): GrammarError | undefined {
  const { cursorPosition = 0, fileName = '', functionName } = error.sqlDetails ?? {}
  if (!FILES.test(fileName)) return undefined
  const { message } = error
  const place = isPlaced ? { position: cursorPosition + 1 } : {}
  return { message, ...particularsOf(message, functionName), ...place }
}

/**
 * True when an error may have no position: the library says 0 for the first character and for none. With a space before
 * the text, `hasPlace` of the error tells which.
 */
export function maybeUnplaced(error: SqlError): boolean {
  return !hasPlace(error) && error.sqlDetails?.functionName !== 'scanner_yyerror'
}

/** True when an error is certain to have a position: one behind the first character. */
export function hasPlace(error: SqlError): boolean {
  return (error.sqlDetails?.cursorPosition ?? 0) > 0
}

function particularsOf(message: string, functionName: string | undefined): Omit<GrammarError, 'message'> {
  if (message === UNICODE_ESCAPE) {
    return functionName === 'str_udeescape'
      ? { code: SYNTAX_ERROR, hint: String.raw`Unicode escapes must be \XXXX or \+XXXXXX.` }
      : { code: '22025', hint: String.raw`Unicode escapes must be \uXXXX or \UXXXXXXXX.` }
  }
  // What quotes the text is of the scanner, whatever is quoted.
  if (functionName === 'scanner_yyerror') return { code: SYNTAX_ERROR }
  const found = PARTICULARS.filter(({ words }) => words.test(message))
  const code = found.find(one => one.code !== undefined)?.code ?? SYNTAX_ERROR
  const detail = found.find(one => one.detail !== undefined)?.detail
  const hint = found.find(one => one.hint !== undefined)?.hint
  return { code, ...(detail === undefined ? {} : { detail }), ...(hint === undefined ? {} : { hint }) }
}
