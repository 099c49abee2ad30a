import fc from 'fast-check'

/** Texts of the kind that two readers divide differently: quotes, escapes, comments, tags, blanks that are none. */

/** Letters of several lengths and scripts, blanks that are letters, and bytes whose last one is a backslash elsewhere. */
const LETTERS = [
  ...['a', 'B', '0', '_', ' ', 'é', 'É', 'ß', 'Я', 'ı', 'İ', 'ａ', '表', 'ソ', '能', '한', '繁', '¥', '‾'],
  ...[
    '\u00a0',
    '\u2003',
    '\u3000',
    '\u200b',
    '\ufeff',
    '\u0301',
    '😀',
    '\u2028',
    '\u0085',
    '\t',
    '\v',
    '\f',
    '\x01',
    '\x7f',
  ],
]
const letters = fc.array(fc.constantFrom(...LETTERS), { maxLength: 4 }).map(found => found.join(''))

/** What would begin or end something, were it not where it is. */
const DECOYS = [
  "''",
  '"',
  '--',
  '/*',
  '*/',
  ';',
  '$$',
  '$a$',
  '\\',
  "\\'",
  '\n',
  '\r',
  '$1',
  '$é$',
  '\\\n',
  "\\''",
]
const decoy = fc.constantFrom(...DECOYS)
const inside = fc.array(fc.oneof(letters, decoy), { maxLength: 4 }).map(found => found.join(''))

const ESCAPES = [
  "\\'",
  '\\\\',
  '\\x41',
  '\\101',
  '\\u0041',
  '\\U0001F600',
  '\\n',
  "''",
  '\\\n',
  '\\é',
  '\\x',
  '\\u00',
]
const UNICODES = [
  '\\0041',
  '\\+01F600',
  '\\D83D\\DE00',
  '\\D83D',
  '\\\\',
  '!0041',
  '!!',
  "''",
  '\\00',
  '\\0000',
  '\\005C\\0027',
]
const some = (from: readonly string[]) =>
  fc.array(fc.oneof(fc.constantFrom(...from), letters), { maxLength: 3 }).map(found => found.join(''))
const uescape = fc.constantFrom(
  '',
  '',
  " UESCAPE '!'",
  " uescape '\\'",
  " UESCAPE '+'",
  " UESCAPE ''''",
  " /* c */ UESCAPE -- c\n'!'",
)

/** A string constant, in each of the ways that there are. */
export const stringConstant = fc.oneof(
  inside.map(text => `'${text}'`),
  some(ESCAPES).map(text => `E'${text}'`),
  some(ESCAPES).map(text => `e'${text}' \n '${text}'`),
  fc.tuple(some(UNICODES), uescape).map(([text, end]) => `U&'${text}'${end}`),
  fc
    .tuple(fc.constantFrom('$$', '$a$', '$A1$', '$é$', '$_$', '$ $', '$a b$'), inside)
    .map(([tag, text]) => tag + text + tag),
  fc
    .tuple(letters, fc.constantFrom('\n', ' \n ', ' -- c\n', ' ', ' /* c */ ', '\r', '\v\n'))
    .map(([text, gap]) => `'${text}'${gap}'b'`),
  fc.constantFrom("N'a'", "B'01'", "X'1F'", "'a\\'", "'\\\\'", "''", "E''", '$$$$', "U&''"),
)

/** A name, quoted in each of the ways that there are, of up to more bytes than the server keeps. */
export const identifier = fc.oneof(
  letters.map(text => `t${text}`),
  inside.map(text => `"t${text.replaceAll('"', '""')}"`),
  fc.tuple(some(UNICODES), uescape).map(([text, end]) => `U&"t${text.replaceAll("''", '')}"${end}`),
  fc
    .tuple(fc.nat({ max: 5 }), fc.constantFrom(...LETTERS))
    .map(([more, letter]) => `"${'x'.repeat(58 + more)}${letter.repeat(3)}y"`),
  fc.nat({ max: 3 }).map(more => `${'é'.repeat(30 + more)}z`),
  fc.constantFrom('T1', 't$1', 'tÀ', '"T""1"', 't1_000', 'U&t', 'e', '"e"', 'n'),
)

/** What may stand between two words. */
export const gap = fc.oneof(
  { weight: 4, arbitrary: fc.constant(' ') },
  fc.constantFrom(
    '\n',
    '\t',
    '\r',
    '\f',
    '\v',
    '/**/',
    '/*/**/*/',
    "/* ' */",
    '/* $$ */',
    '/* /* */ ; */',
    '-- ;\n',
    "-- '\n",
    '--\r',
    '/*/*/',
    '/*--*/',
    '--/*\n',
  ),
  inside.map(text => `/*${text}*/`),
  inside.map(text => `--${text}\n`),
)
