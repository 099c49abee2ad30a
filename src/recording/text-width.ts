/** Begins each line that goes on from the one before it. */
const CONTINUATION = '  : '
/** Below this a line has no room for its beginning. */
export const WIDTH_MIN = 40

const PLAIN = /^[\x20-\x7e]*$/
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
const MARK = /\p{M}/u

/** Columns a printable text takes on a terminal: wide letters take two, combining marks none. An estimate. */
export function widthOf(printable: string): number {
  if (PLAIN.test(printable)) return printable.length
  let width = 0
  for (const character of printable) width += columnsOf(character)
  return width
}

/** The start of a printable text that takes at most `widthMax` columns; what was cut shows as `…`. */
export function cutToWidth(printable: string, widthMax: number): string {
  if (takeWidth(printable, widthMax).length === printable.length) return printable
  return `${takeWidth(printable, widthMax - 1)}…`
}

/**
 * Breaks one printable line at `widthMax` columns, words or not. A terminal that broke it would begin the rest at the left
 * edge, where only we write: a padded statement could draw lines that look like ours.
 */
export function wrapText({
  text,
  widthMax,
}: {
  readonly text: string
  readonly widthMax: number
}): readonly string[] {
  const width = Math.max(widthMax, WIDTH_MIN)
  const first = takeWidth(text, width)
  const lines = [first]
  for (let rest = text.slice(first.length); rest !== ''; ) {
    const part = takeWidth(rest, width - CONTINUATION.length)
    lines.push(CONTINUATION + part)
    rest = rest.slice(part.length)
  }
  return lines
}

/** The longest start that fits. Looks at no more than that, so that breaking a long text is linear. */
function takeWidth(text: string, widthMax: number): string {
  const start = text.slice(0, widthMax)
  if (PLAIN.test(start)) return start
  let units = 0
  let width = 0
  for (const character of text) {
    width += columnsOf(character)
    if (width > widthMax) break
    units += character.length
  }
  return text.slice(0, units)
}

function columnsOf(character: string): number {
  if (MARK.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}
