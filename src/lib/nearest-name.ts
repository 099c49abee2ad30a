/** Names longer than this are not compared: nobody types them by accident. */
const LENGTH_MAX = 128

/** The name that someone most likely meant, or undefined when none is near. Case does not count. */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  if (typed.length > LENGTH_MAX) return undefined
  const limit = Math.max(1, Math.floor(typed.length / 3))
  let best: string | undefined
  let bestDistance = limit + 1
  for (const name of names) {
    if (name.length > LENGTH_MAX) continue
    const distance = editDistance(typed.toLowerCase(), name.toLowerCase())
    if (distance < bestDistance) {
      best = name
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein's distance, where two neighbours that changed places count once: the most usual slip of all. */
function editDistance(one: string, other: string): number {
  let before: readonly number[] = []
  let previous: readonly number[] = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= other.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (one[row - 1] === other[column - 1] ? 0 : 1)
      const edited = Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1)
      const swapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      const exchanged = row > 1 && column > 1 && swapped ? (before[column - 2] ?? 0) + 1 : edited
      current.push(Math.min(edited, exchanged))
    }
    before = previous
    previous = current
  }
  return previous[other.length] ?? 0
}
