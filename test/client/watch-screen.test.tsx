import { render } from 'ink-testing-library'
import { afterEach, expect, test } from 'vitest'
import { WatchScreen } from '../../src/client/reviews-watch/watch-screen.js'
import type { WatchEffect } from '../../src/client/reviews-watch/watch-state.js'
import { WatchStore } from '../../src/client/reviews-watch/watch-store.js'
import { HoopError } from '../../src/lib/hoop-error.js'
import { until } from '../end-to-end/until.js'
import { OPERATION, reviewOf } from './review.js'

type Answer = Extract<WatchEffect, { kind: 'answer' }>

const NOW = new Date('2026-03-10T10:01:00Z')
const ENTER = '\r'
const DOWN = '\u001b[B'

let unmount = (): void => {}
afterEach(() => unmount())

function open(size = { columns: 80, rows: 24 }) {
  const done: string[] = []
  const answers: Answer[] = []
  const store = new WatchStore(
    {
      answer: async answer => {
        answers.push(answer)
        if (answer.comment === 'late') throw new HoopError('conflict', 'Cannot answer: it is denied by grace')
        return { ...answer.review, state: 'approved' }
      },
      bell: () => void done.push('bell'),
      leave: () => void done.push('leave'),
      now: () => NOW,
    },
    size,
  )
  const screen = render(<WatchScreen store={store} styled={false} />)
  unmount = screen.unmount
  const shows = (what: string | RegExp) =>
    until(`the screen shows ${what}`, () => {
      const frame = screen.lastFrame() ?? ''
      return typeof what === 'string' ? frame.includes(what) : what.test(frame)
    })
  /** Types one key, and waits for what it brings. */
  const type = async (key: string, what: string | RegExp): Promise<void> => {
    screen.stdin.write(key)
    await shows(what)
  }
  return { store, screen, answers, done, shows, type }
}

test('a question is chosen, read, commented, confirmed and answered with keys', async () => {
  const { store, answers, type, shows } = open()
  store.take({ kind: 'reviews', reviews: [reviewOf(), reviewOf({ id: 'r-0000000000000002' })] })
  await shows('2 questions')
  await type(DOWN, '>  r-0000000000000002')
  await type(ENTER, '| UPDATE orders SET total = 0 WHERE id = $1')
  await type('a', 'approve, comment')
  await type('fine', 'enter: fine')
  await type(ENTER, 'y: approve what ada@example.com asks for')
  await type('y', /approved by/)
  expect(answers).toMatchObject([
    { verdict: 'approve', comment: 'fine', review: { id: 'r-0000000000000002' } },
  ])
})

test('a comment and the enter behind it may come as one, and a paste confirms nothing', async () => {
  const { store, answers, type, shows } = open()
  store.take({ kind: 'reviews', reviews: [reviewOf()] })
  await shows('1 question')
  await type(ENTER, 'a: approve')
  await type('a', 'approve, comment')
  await type('fine\ry\r', 'y: approve what ada@example.com asks for')
  expect(answers).toEqual([])
  await type('y', /approved by/)
  expect(answers).toMatchObject([{ comment: 'fine' }])
})

test('an answer that came too late says who was faster', async () => {
  const { store, type, shows } = open()
  store.take({ kind: 'reviews', reviews: [reviewOf()] })
  await shows('1 question')
  await type(ENTER, 'a: approve')
  await type('d', 'deny, comment')
  await type('late', 'late')
  await type(ENTER, 'y: deny')
  await type('y', 'it is denied by grace')
})

test('a new question rings, and shows at once', async () => {
  const { store, done, shows } = open()
  store.take({ kind: 'reviews', reviews: [] })
  await shows('nothing waits for you')
  store.take({ kind: 'reviews', reviews: [reviewOf()] })
  await shows('new: r-0000000000000001')
  expect(done).toEqual(['bell'])
})

test('what a statement holds cannot act on the terminal, and no letter of it is cut', async () => {
  const statement = `SELECT '\u001b[2J\u202e${'漢字'.repeat(60)}end'`
  const { store, screen, type, shows } = open()
  store.take({ kind: 'reviews', reviews: [reviewOf({ subject: { ...OPERATION, statement } })] })
  await shows('1 question')
  await type(ENTER, "end'")
  const frame = screen.lastFrame() ?? ''
  expect(frame).toContain('⟨ESC⟩[2J⟨U+202E⟩')
  expect(frame).not.toContain('\u001b')
  expect(frame.split('漢').length - 1).toBe(61)
  expect(frame).not.toContain('…漢')
})

test('q leaves the list', async () => {
  const { store, done, screen, shows } = open()
  store.take({ kind: 'reviews', reviews: [] })
  await shows('nothing waits')
  screen.stdin.write('q')
  await until('the screen is left', () => done.includes('leave'))
})
