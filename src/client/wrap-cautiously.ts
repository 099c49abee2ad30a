/** Begins each line that goes on from the one before it. */
const CONTINUATION = ': '
/** Below this there is no room for anything. */
const WIDTH_MIN = 20

/**
 * Breaks one printable line so that it fits whatever the terminal makes of its letters: everything beyond ASCII counts as
 * two columns, the most that any takes. Nothing is left out, and where a line goes on, it begins with `: `: a padded
 * statement cannot draw lines that look like ours.
 */
export function wrapCautiously(text: string, widthMax: number): readonly string[] {
  const width = Math.max(widthMax, WIDTH_MIN)
  const lines: string[] = []
  let line = ''
  let taken = 0
  for (const character of text) {
    const columns = character >= ' ' && character <= '~' ? 1 : 2
    if (taken + columns > width) {
      lines.push(line)
      line = CONTINUATION
      taken = CONTINUATION.length
    }
    line += character
    taken += columns
  }
  return [...lines, line]
}
