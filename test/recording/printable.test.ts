import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toPrintable, toPrintableLines } from '../../src/recording/printable.js'
import { cutToWidth, widthOf, wrapText } from '../../src/recording/text-width.js'

function check(name: string, text: string, expected: string) {
  test(name, () => expect(toPrintable(text)).toBe(expected))
}

check('plain text stays as it is', `SELECT 'a\\n' || "b" FROM t -- ~`, `SELECT 'a\\n' || "b" FROM t -- ~`)
check('letters of any script stay as they are', 'žluťoučký 日本語 עברית ไทย', 'žluťoučký 日本語 עברית ไทย')
check('a colour sequence is shown', '\u001b[31mred', '⟨ESC⟩[31mred')
check('a screen that is cleared is shown', '\u001b[2J\u001b[H', '⟨ESC⟩[2J⟨ESC⟩[H')
check('a clipboard write (OSC 52) is shown', '\u001b]52;c;cm0=\u0007', '⟨ESC⟩]52;c;cm0=⟨U+0007⟩')
check('a hidden link (OSC 8) is shown', '\u001b]8;;http://a\u001b\\x', '⟨ESC⟩]8;;http://a⟨ESC⟩\\x')
check('an eight-bit control sequence is shown', '\u009b31m', '⟨U+009B⟩31m')
check('a line that overwrites itself is shown', 'DROP\rSELECT', 'DROP⟨CR⟩SELECT')
check('backspaces are shown', 'DROP\b\b\b\b', 'DROP⟨BS⟩⟨BS⟩⟨BS⟩⟨BS⟩')
check('a line feed, a tab and NUL are shown', 'a\nb\tc\0', 'a⟨LF⟩b⟨TAB⟩c⟨NUL⟩')
check('text whose order is turned round is shown', 'a\u202eb\u2066c\u2069', 'a⟨U+202E⟩b⟨U+2066⟩c⟨U+2069⟩')
check(
  'marks without width are shown',
  'us\u200bers\ufeff\u2060\u00ad',
  'us⟨U+200B⟩ers⟨U+FEFF⟩⟨U+2060⟩⟨U+00AD⟩',
)
check(
  'letters that look like nothing are shown',
  '\u3164\uffa0\u2800\u115f',
  '⟨U+3164⟩⟨U+FFA0⟩⟨U+2800⟩⟨U+115F⟩',
)
check('spaces that are no space are shown', 'a\u00a0b\u3000c\u2028d', 'a⟨U+00A0⟩b⟨U+3000⟩c⟨U+2028⟩d')
check('tags and variation selectors are shown', 'a\u{e0041}\ufe0f\u{e0100}', 'a⟨U+E0041⟩⟨U+FE0F⟩⟨U+E0100⟩')
check('half a character is shown', 'a\ud800b', 'a⟨U+D800⟩b')
check('nobody can write a mark', '⟨ESC⟩', '⟨U+27E8⟩ESC⟩')
check('marks over letters stay', 'e\u0301 ệ', 'e\u0301 ệ')
check('a mark that would join what is before the text is shown', '\u0301a', '⟨U+0301⟩a')
check('marks that pile up are shown', `a${'\u0301'.repeat(6)}`, `a${'\u0301'.repeat(4)}⟨U+0301⟩⟨U+0301⟩`)

test('lines are kept apart and shown each', () => {
  expect(toPrintableLines('SELECT 1\r\n\tFROM t')).toEqual(['SELECT 1⟨CR⟩', '⟨TAB⟩FROM t'])
})

test('two different texts are shown differently, and nothing shown acts', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const shown = toPrintable(text)
      expect(unprint(shown)).toBe(text)
      expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u)
    }),
  )
})

test('a text is broken at the width, and nothing of it is lost', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.integer({ min: 40, max: 130 }),
      (raw, widthMax) => {
        const text = toPrintable(raw)
        const lines = wrapText({ text, widthMax })
        expect(lines.map((line, index) => (index === 0 ? line : line.slice(4))).join('')).toBe(text)
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(widthMax)
      },
    ),
  )
})

test('a text that is cut to a width says so', () => {
  expect(cutToWidth('abcdef', 6)).toBe('abcdef')
  expect(cutToWidth('abcdefg', 6)).toBe('abcde…')
  expect(cutToWidth('日本語', 6)).toBe('日本語')
  expect(cutToWidth('日本語字', 6)).toBe('日本…')
})

/** The inverse of `toPrintable`: that there is one shows that nothing is lost. */
function unprint(shown: string): string {
  const names: Readonly<Record<string, string>> = {
    NUL: '\0',
    BS: '\b',
    TAB: '\t',
    LF: '\n',
    CR: '\r',
    ESC: '\u001b',
    DEL: '\u007f',
  }
  return shown.replace(/⟨(?:U\+([0-9A-F]+)|([A-Z]+))⟩/gu, (_, code: string | undefined, name: string) =>
    code === undefined ? (names[name] ?? '') : String.fromCodePoint(Number.parseInt(code, 16)),
  )
}
