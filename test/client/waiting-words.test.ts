import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { tellBesideChild } from '../../src/client/beside-child.js'
import { LiveLine } from '../../src/client/live-line.js'
import { quoteArgument } from '../../src/client/quote-argument.js'
import { readWait, spellWait } from '../../src/client/request-grant.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function lineOn(isTerminal: boolean, columns = 30) {
  const written: string[] = []
  let left = 90
  const line = new LiveLine({
    stream: { columns, write: text => void written.push(text) },
    isTerminal,
    text: () => `waiting for 1 of [dba], ${left--}s left`,
  })
  return { line, written }
}

test('a live line is written over each second, and never reaches the last column', () => {
  const { line, written } = lineOn(true)
  vi.advanceTimersByTime(1_000)
  line.end()
  expect(written).toEqual([
    '\r\u001b[Khoop: waiting for 1 of [dba]…',
    '\r\u001b[Khoop: waiting for 1 of [dba]…',
    '\r\u001b[K',
  ])
  expect(written.every(text => text.replace('\r\u001b[K', '').length < 30)).toBe(true)
  vi.advanceTimersByTime(60_000)
  line.end()
  expect(written).toHaveLength(3)
})

test('where nothing can be written over it is said again each 30 seconds', () => {
  const { line, written } = lineOn(false)
  vi.advanceTimersByTime(59_000)
  line.refresh()
  line.end()
  expect(written).toEqual([
    'hoop: waiting for 1 of [dba], 90s left\n',
    'hoop: waiting for 1 of [dba], 89s left\n',
  ])
})

describe('what is told beside a child', () => {
  function told(canMove: boolean): string {
    const written: string[] = []
    tellBesideChild({
      message: 'the grant ends in 5 minutes\u001b[2J',
      hint: 'hoop connect shop',
      stream: { columns: 30, write: text => void written.push(text) },
      canMove,
    })
    return written.join('')
  }

  test('is put in above the row with the cursor, which is back in its place', () => {
    const rows = ['hoop: the grant ends in 5 min', ': utes⟨ESC⟩[2J', '      try: hoop connect shop']
    expect(told(true)).toBe(
      `\u001bD\u001bD\u001bD\u001b[3A\u001b7\r\u001b[3L${rows.join('\r\u001b[B')}\u001b8\u001b[3B`,
    )
  })

  test('has lines of its own where nothing can be moved', () => {
    expect(told(false)).toBe(
      '\r\nhoop: the grant ends in 5 minutes⟨ESC⟩[2J\r\n      try: hoop connect shop\r\n',
    )
  })
})

test('a command that is told can be typed as it stands', () => {
  expect(quoteArgument('writer')).toBe('writer')
  expect(quoteArgument("it's $HOME")).toBe("'it'\\''s $HOME'")
  expect(quoteArgument('')).toBe("''")
})

test('--wait has a time, or none', () => {
  expect(spellWait(['shop', '--wait', '--for', '1h'])).toEqual([
    'shop',
    '--wait=until-answered',
    '--for',
    '1h',
  ])
  expect(spellWait(['shop', '--wait=10m'])).toEqual(['shop', '--wait=10m'])
  expect([readWait(undefined), readWait('until-answered'), readWait('10m')]).toEqual([
    'no',
    'until-answered',
    600_000,
  ])
  expect(() => readWait('soon')).toThrow('Cannot read duration "soon"')
})
