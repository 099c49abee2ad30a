import type { Key } from 'ink'
import type { WatchKey } from './watch-state.js'

/**
 * What was typed, as the screen knows it. Typed fast or pasted, a text and the enter behind it come as one. Nothing behind
 * that enter is taken: a paste must not confirm what it has just brought about.
 */
export function readKeys(input: string, key: Key): readonly WatchKey[] {
  const one = readKey(input, key)
  if (one?.kind !== 'text') return one === undefined ? [] : [one]
  const end = one.text.search(/[\r\n]/)
  if (end < 0) return [one]
  const text = one.text.slice(0, end)
  return [...(text === '' ? [] : [{ kind: 'text', text } as const]), { kind: 'enter' }]
}

function readKey(input: string, key: Key): WatchKey | undefined {
  if (key.upArrow) return { kind: 'up' }
  if (key.downArrow) return { kind: 'down' }
  if (key.pageUp) return { kind: 'page-up' }
  if (key.pageDown) return { kind: 'page-down' }
  if (key.return) return { kind: 'enter' }
  if (key.escape) return { kind: 'escape' }
  // What terminals send for the backspace key is called delete by some.
  if (key.backspace || key.delete) return { kind: 'backspace' }
  if (key.ctrl || key.meta || input === '') return undefined
  return { kind: 'text', text: input }
}
