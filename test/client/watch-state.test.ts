import { describe, expect, test } from 'vitest'
import { frameOf } from '../../src/client/reviews-watch/watch-frame.js'
import {
  readingOf,
  step,
  WATCH_START,
  type WatchEffect,
  type WatchEvent,
  type WatchKey,
  type WatchState,
} from '../../src/client/reviews-watch/watch-state.js'
import type { ReviewView } from '../../src/domain/api.js'
import { OPERATION, reviewOf } from './review.js'

const NOW = new Date('2026-03-10T10:01:00Z')
const SIZE = { columns: 80, rows: 24 }
const LONG = Array.from({ length: 60 }, (_, line) => `-- line ${line}`).join('\n')

const short = reviewOf()
const long = reviewOf({
  id: 'r-0000000000000002',
  askedAt: '2026-03-10T10:00:30Z',
  subject: { ...OPERATION, statement: LONG },
})

const text = (typed: string): WatchEvent => ({ kind: 'key', key: { kind: 'text', text: typed } })
const press = (kind: Exclude<WatchKey['kind'], 'text'>): WatchEvent => ({ kind: 'key', key: { kind } })
const reviews = (...changed: readonly ReviewView[]): WatchEvent => ({ kind: 'reviews', reviews: changed })

/** The state and everything that was to be done after these events. */
function play(
  events: readonly WatchEvent[],
  { from = WATCH_START, size = SIZE }: { readonly from?: WatchState; readonly size?: typeof SIZE } = {},
): { readonly state: WatchState; readonly effects: readonly WatchEffect[]; readonly shown: string } {
  let state = from
  const effects: WatchEffect[] = []
  for (const event of events) {
    const next = step(state, event, { size, now: NOW })
    state = next.state
    effects.push(...next.effects)
  }
  const { heading, body, notice, keys } = frameOf(state, { size, now: NOW })
  return { state, effects, shown: [heading, ...body, notice, keys].join('\n') }
}

describe('the list', () => {
  test('shows who asks for what, the oldest first', () => {
    const { shown } = play([reviews(long, short)])
    const lines = shown.split('\n')
    expect(lines[0]).toBe('hoop reviews watch, 2 questions, asking the gateway')
    expect(lines[2]).toMatch(/^> {2}r-0000000000000001 {2}14m {3}ada@example\.com {2}shop .* UPDATE orders/)
    expect(lines[3]).toContain('r-0000000000000002')
  })

  test('rings for a new question, and not for those that were there', () => {
    expect(play([reviews(short)]).effects).toEqual([])
    const { effects, state } = play([reviews(short), reviews(long)])
    expect(effects).toEqual([{ kind: 'bell' }])
    expect(state.notice).toBe('new: r-0000000000000002 of ada@example.com')
  })

  test('leaves out what this person may not answer', () => {
    expect(play([reviews({ ...short, answerable: false })]).state.reviews).toEqual([])
  })

  test('keeps the choice where it was when others come and go', () => {
    const older = reviewOf({ id: 'r-0000000000000000', askedAt: '2026-03-10T09:00:00Z' })
    expect(play([reviews(short, long), press('down'), reviews(older)]).state.selected).toBe(long.id)
    const { state } = play([reviews(short, long), press('down'), reviews({ ...long, state: 'withdrawn' })])
    expect(state.selected).toBe(short.id)
  })

  test('fits the screen and shows what is chosen', () => {
    const many = Array.from({ length: 50 }, (_, n) => reviewOf({ id: `r-${String(n).padStart(16, '0')}` }))
    const events = [reviews(...many), ...Array.from({ length: 40 }, () => press('down'))]
    const { shown } = play(events)
    expect(shown.split('\n').length).toBeLessThan(SIZE.rows)
    expect(shown).toContain('>  r-0000000000000040')
  })

  test('is left with q', () => {
    expect(play([reviews(short), text('q')]).effects).toEqual([{ kind: 'leave' }])
  })
})

describe('a question', () => {
  const approve = [text('a'), press('enter'), text('y')]

  test('that fits is answered with a comment, after its requester was named', () => {
    const before = play([
      reviews(short),
      press('enter'),
      text('a'),
      text('looks'),
      text(' fine'),
      press('enter'),
    ])
    expect(before.shown).toContain('y: approve what ada@example.com asks for')
    expect(before.effects).toEqual([])
    const { effects, state } = play([text('y')], { from: before.state })
    expect(effects).toEqual([{ kind: 'answer', review: short, verdict: 'approve', comment: 'looks fine' }])
    expect(state.view.kind).toBe('sending')
  })

  test('is denied with d, and an empty comment is none', () => {
    const { effects } = play([reviews(short), press('enter'), text('d'), press('enter'), text('y')])
    expect(effects).toEqual([{ kind: 'answer', review: short, verdict: 'deny', comment: undefined }])
  })

  test('that goes on below the screen is not answered before it was read to its end', () => {
    const opened = play([reviews(long), press('enter')])
    expect(opened.shown).toContain('only then it can be answered')
    expect(play(approve, { from: opened.state }).effects).toEqual([])
    expect(play([text('a')], { from: opened.state }).shown).toContain('read on to the end before you answer')
    const pages = Array.from({ length: 4 }, () => press('page-down'))
    const read = play(pages, { from: opened.state })
    expect(read.shown).toContain('-- line 59')
    expect(play(approve, { from: read.state }).effects).toHaveLength(1)
  })

  test('shows every line of it on the way to its end', () => {
    let state = play([reviews(long), press('enter')]).state
    const seen = new Set<string>()
    for (let page = 0; page < 6; page += 1) {
      for (const line of frameOf(state, { size: SIZE, now: NOW }).body) seen.add(line)
      state = play([text(' ')], { from: state }).state
    }
    const missing = LONG.split('\n').filter(line => !seen.has(`| ${line}`))
    expect(missing).toEqual([])
  })

  test('whose lines were jumped over was not read', () => {
    const opened = play([reviews(long), press('enter')]).state
    const from: WatchState = {
      ...opened,
      view: { kind: 'reading', id: long.id, top: 0, seenTo: 5, columns: 80 },
    }
    const pages = Array.from({ length: 5 }, () => press('page-down'))
    expect(play([...pages, text('a')], { from }).shown).toContain('read on to the end before you answer')
  })

  test('has to be read anew where its lines are broken anew', () => {
    const read = play([reviews(long), press('enter'), ...Array.from({ length: 5 }, () => press('page-down'))])
    const narrow = play([{ kind: 'resized' }], { from: read.state, size: { columns: 40, rows: 24 } })
    expect(narrow.shown).toContain('only then it can be answered')
    expect(readingOf(narrow.state.view)?.top).toBe(0)
  })

  test('is not answered by a paste', () => {
    expect(play([reviews(short), press('enter'), text('a\ry')]).effects).toEqual([])
    expect(play([reviews(short), press('enter'), text('a'), press('enter'), text('yes')]).effects).toEqual([])
  })

  test('is not answered by a key that was meant for the one before', () => {
    const denied = { ...short, state: 'denied' } as const
    const { effects, state } = play([
      reviews(short, long),
      press('enter'),
      text('a'),
      press('enter'),
      reviews(denied),
      text('y'),
    ])
    expect(effects).toEqual([])
    expect(state.view).toEqual({ kind: 'list' })
  })

  test('that was answered elsewhere is left, with who did it', () => {
    const answers = [{ by: 'grace@example.com', verdict: 'deny', at: '2026-03-10T10:00:40Z' }] as const
    const { shown } = play([reviews(short), press('enter'), reviews({ ...short, state: 'denied', answers })])
    expect(shown).toContain('denied by grace@example.com at 2026-03-10 10:00:40Z')
    expect(shown).toContain('nothing waits for you')
  })

  test('whose answer the gateway refuses is shown again, with the reason', () => {
    const { shown, state } = play([
      reviews(short),
      press('enter'),
      ...approve,
      { kind: 'failed', message: 'Cannot answer: you asked it yourself' },
    ])
    expect(state.view.kind).toBe('reading')
    expect(shown).toContain('you asked it yourself')
  })

  test('that was answered here is gone, with what became of it', () => {
    const answers = [{ by: 'grace@example.com', verdict: 'approve', at: '2026-03-10T10:00:40Z' }] as const
    const { shown } = play([
      reviews(short),
      press('enter'),
      ...approve,
      { kind: 'answered', review: { ...short, state: 'approved', answers } },
    ])
    expect(shown).toContain('approved by grace@example.com')
    expect(shown).toContain('nothing waits for you')
  })
})

test('what is typed is bounded, and can be taken back', () => {
  const typed = play([reviews(short), press('enter'), text('d'), text('x'.repeat(9_999)), press('backspace')])
  expect(typed.state.view).toMatchObject({ kind: 'comment', comment: 'x'.repeat(499) })
  expect(play([press('escape')], { from: typed.state }).state.view.kind).toBe('reading')
})

test('a gateway that is away is said at the top', () => {
  const { shown } = play([reviews(short), { kind: 'link', link: 'away' }])
  expect(shown).toContain('the gateway is away: trying to reach it again')
})
