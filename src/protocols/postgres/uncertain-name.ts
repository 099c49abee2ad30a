import type { StatementFacts } from '../../domain/facts.js'

/** NAMEDATALEN - 1: the grammar keeps no more of a name, and cuts by whole characters of up to four bytes. */
const NAME_BYTES_MAX = 63
const NAME_BYTES_SURE = NAME_BYTES_MAX - 4
/** No encoding of a server takes more for a character. */
const CHARACTER_BYTES_MAX = 4
/** Encodings of a server with more than a byte a character, where case is folded for ASCII only. PostgreSQL, section 23.3. */
const MULTI_BYTE: ReadonlySet<string> = new Set([
  'EUC_JP',
  'EUC_JIS_2004',
  'EUC_KR',
  'EUC_CN',
  'EUC_TW',
  'MULE_INTERNAL',
])
/** Keys of facts whose texts are not names. */
const NOT_NAMES: ReadonlySet<string> = new Set(['value', 'options', 'verb', 'object'])
/** BROKEN BAR and FULLWIDTH BROKEN BAR: EUC_JP has one code for both. */
const SAME_CODE = /[\u00a6\uffe4]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII is the point
const ASCII = /^[\x00-\x7f]*$/

/**
 * The first name of the statements that could be another one to the server: the grammar folds case and cuts names as a
 * server in UTF8 does. A server in another encoding cuts them by its own bytes, and one of a single byte a character also
 * folds letters outside of ASCII where its locale says so. INVARIANT 2: what means two things is not understood.
 */
export function uncertainName(
  statements: readonly StatementFacts[],
  { text, serverEncoding }: { readonly text: string; readonly serverEncoding: string },
): string | undefined {
  // A text of ASCII can still spell other letters: U&"\\00e9".
  if (serverEncoding === 'UTF8' || (ASCII.test(text) && !/u&/i.test(text))) return undefined
  return findName(statements, name => isUncertain(name, serverEncoding))
}

/** True when a name in a protocol message is surely the same name to the server. */
export function isSureName(name: Buffer, serverEncoding: string): boolean {
  return serverEncoding === 'UTF8' || ASCII.test(name.toString('latin1'))
}

function isUncertain(name: string, serverEncoding: string): boolean {
  // As long as this, it can have been cut right before a letter that is not ASCII.
  if (ASCII.test(name)) return name.length > NAME_BYTES_SURE && name.length < NAME_BYTES_MAX
  // Any bytes at all, in any locale.
  if (serverEncoding === 'SQL_ASCII' || SAME_CODE.test(name)) return true
  if (!MULTI_BYTE.has(serverEncoding) && name.toLowerCase() !== name) return true
  let bytes = 0
  for (const letter of name) bytes += letter < '\x80' ? 1 : CHARACTER_BYTES_MAX
  return bytes > NAME_BYTES_SURE
}

/** Facts are trees of a few levels, made by us. */
function findName(value: unknown, fits: (name: string) => boolean): string | undefined {
  if (typeof value === 'string') return fits(value) ? value : undefined
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, part] of Object.entries(value)) {
    const found = NOT_NAMES.has(key) ? undefined : findName(part, fits)
    if (found !== undefined) return found
  }
  return undefined
}
