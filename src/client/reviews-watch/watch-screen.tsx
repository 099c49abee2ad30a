import { Box, Text, useInput, useStdout } from 'ink'
import { type ReactElement, useEffect, useState, useSyncExternalStore } from 'react'
import { frameOf } from './watch-frame.js'
import { readKeys } from './watch-keys.js'
import type { WatchStore } from './watch-store.js'

/** The times that are left are counted down at this pace. */
const TICK_MS = 1_000

export interface WatchScreenProps {
  readonly store: WatchStore
  /** False where `NO_COLOR` is set: nothing but the letters. */
  readonly styled: boolean
}

/** The screen of `hoop reviews watch`: draws the state of the store, and gives it keys and sizes. */
export function WatchScreen({ store, styled }: WatchScreenProps): ReactElement {
  const state = useSyncExternalStore(store.subscribe, store.state)
  useTick()
  useSize(store)
  useInput((input, key) => {
    for (const read of readKeys(input, key)) store.take({ kind: 'key', key: read })
  })
  const frame = frameOf(state, { size: store.size, now: store.now() })
  return (
    <Box flexDirection="column">
      <Text bold={styled} wrap="truncate-end">
        {frame.heading}
      </Text>
      {frame.body.map((line, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is nothing but its place on the screen.
        <Text key={at} inverse={styled && at === frame.chosen} wrap="truncate-end">
          {line === '' ? ' ' : line}
        </Text>
      ))}
      <Text bold={styled} wrap="truncate-end">
        {frame.notice === '' ? ' ' : frame.notice}
      </Text>
      <Text wrap="truncate-end">{frame.keys}</Text>
    </Box>
  )
}

function useTick(): void {
  const [, tick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => tick(count => count + 1), TICK_MS)
    return () => clearInterval(timer)
  }, [])
}

function useSize(store: WatchStore): void {
  const { stdout } = useStdout()
  useEffect(() => {
    const resize = (): void => store.resize(sizeOf(stdout))
    stdout.on('resize', resize)
    return () => void stdout.off('resize', resize)
  }, [store, stdout])
}

/** The size of a terminal, or of the smallest one that people use. */
export function sizeOf({ columns, rows }: { readonly columns?: number; readonly rows?: number }): {
  readonly columns: number
  readonly rows: number
} {
  return { columns: columns || 80, rows: rows || 24 }
}
