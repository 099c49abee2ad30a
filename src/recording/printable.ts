/** Names for those that people know by one; all others are shown by their number. */
const NAMES: Readonly<Record<string, string>> = {
  '\0': 'NUL',
  '\b': 'BS',
  '\t': 'TAB',
  '\n': 'LF',
  '\r': 'CR',
  '\u001b': 'ESC',
  '\u007f': 'DEL',
}

/** Marks that stack on one letter without hiding their neighbours; more is not how a language is written. */
const COMBINING_RUN_MAX = 4

const PLAIN = /^[\x20-\x7e]*$/

// What has no shape of its own: controls, format and bidirectional controls, private, unassigned and half characters,
// separators and spaces that are not a space, and everything that fonts leave out (zero-width, fillers, variation
// selectors, tags). The opening bracket of a mark is marked too, so that nobody can write a mark.
const SHAPELESS = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u27e8]|(?! )\p{Zs}/u
const SHAPELESS_ALL = new RegExp(SHAPELESS.source, 'gu')
// Marks that join what is before them: alone at the start they would change what we wrote there.
const LEADING_MARKS = /^\p{M}+/u
const LONG_MARKS = new RegExp(`(?<=\\p{M}{${COMBINING_RUN_MAX}})\\p{M}`, 'gu')

/**
 * Text from a client or a target as one line that shows all of it and does nothing: each character that a terminal
 * or an eye would act on, or not see, becomes `⟨ESC⟩` or `⟨U+202E⟩`. Two different texts never look the same by it, except
 * for letters that are alike in the font.
 */
export function toPrintable(text: string): string {
  if (PLAIN.test(text)) return text
  return text
    .replace(SHAPELESS_ALL, mark)
    .replace(LEADING_MARKS, marks => Array.from(marks, mark).join(''))
    .replace(LONG_MARKS, mark)
}

/** The same for text of many lines: a line feed begins a new line, everything else is shown. */
export function toPrintableLines(text: string): readonly string[] {
  return text.split('\n').map(toPrintable)
}

function mark(character: string): string {
  const name = NAMES[character]
  if (name !== undefined) return `⟨${name}⟩`
  const code = character.codePointAt(0) ?? 0
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`
}
