import { expect, test } from 'vitest'
import { openUndisturbed } from '../../src/client/open-undisturbed.js'

function thing() {
  const closed: string[] = []
  return { closed, close: async () => void closed.push('closed') }
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'what was opened while %s came is closed again',
  async signal => {
    const one = thing()
    const before = process.listenerCount(signal)
    const opening = openUndisturbed(async () => {
      process.emit(signal)
      return one
    })
    expect(await opening).toEqual({ kind: 'stopped', signal })
    expect(one.closed).toEqual(['closed'])
    expect(process.listenerCount(signal)).toBe(before)
  },
)

test('what was opened in peace stays open, and nobody listens any more', async () => {
  const one = thing()
  const before = process.listenerCount('SIGTERM')
  expect(await openUndisturbed(async () => one)).toEqual({ kind: 'opened', value: one })
  expect(one.closed).toEqual([])
  expect(process.listenerCount('SIGTERM')).toBe(before)
})
