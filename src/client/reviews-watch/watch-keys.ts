import type { Key } from 'ink'
import type { WatchKey } from './watch-state.js'

/** A key as the screen knows it; undefined for one that means nothing here. */
export function readKey(input: string, key: Key): WatchKey | undefined {
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
