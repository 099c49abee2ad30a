import { unreachable } from '../../lib/unreachable.js'
import { toPrintable } from '../../recording/printable.js'
import { describeStateShortly } from '../review-text.js'
import { summarize } from '../review-words.js'
import { renderTable } from '../text-table.js'
import { bodyRows, linesOf } from './watch-lines.js'
import {
  isSeen,
  readingOf,
  readReview,
  type WatchState,
  type WatchView,
  type WatchWorld,
} from './watch-state.js'

/** One screen: as many lines as fit, and which of them is chosen. */
export interface Frame {
  readonly heading: string
  readonly body: readonly string[]
  /** Index in `body`. */
  readonly chosen: number | undefined
  readonly notice: string
  readonly keys: string
}

/** What the screen shows now. Whatever others wrote in it is printable. */
export function frameOf(state: WatchState, world: WatchWorld): Frame {
  const reading = readingOf(state.view)
  const review = readReview(state)
  const heading = `hoop reviews watch, ${describeCount(state)}${LINKS[state.link]}`
  const notice = toPrintable(state.notice ?? '')
  if (reading === undefined || review === undefined) {
    return { heading, notice, keys: 'up, down: choose   enter: read   q: leave', ...listBody(state, world) }
  }
  const lines = linesOf(review, world.size.columns, world.now)
  const rows = bodyRows(world.size)
  const seen = isSeen(reading, lines.length)
  const where = `${reading.top + 1}-${Math.min(reading.top + rows, lines.length)} of ${lines.length} lines`
  return {
    heading: `${heading}, ${where}`,
    body: lines.slice(reading.top, reading.top + rows),
    chosen: undefined,
    notice,
    keys: keysOf({
      view: state.view,
      requester: toPrintable(review.requester),
      seen,
      columns: world.size.columns,
    }),
  }
}

const LINKS: Readonly<Record<WatchState['link'], string>> = {
  connecting: ', asking the gateway',
  live: '',
  away: ', the gateway is away: trying to reach it again',
}

function describeCount({ reviews, listed }: WatchState): string {
  if (!listed) return 'no list yet'
  return reviews.length === 1 ? '1 question' : `${reviews.length} questions`
}

function listBody(state: WatchState, { size, now }: WatchWorld): Pick<Frame, 'body' | 'chosen'> {
  if (state.reviews.length === 0) {
    return {
      body: [state.listed ? 'nothing waits for you; new questions show at once' : ''],
      chosen: undefined,
    }
  }
  const header = ['', 'ID', 'LEFT', 'WHO', 'CONNECTION', 'ROLE', 'WHAT']
  const table = renderTable(
    header,
    state.reviews.map(review => [
      review.id === state.selected ? '>' : ' ',
      review.id,
      describeStateShortly(review, now).replace(' left', ''),
      toPrintable(review.requester),
      review.subject.connection,
      review.subject.role,
      summarize(review.subject, size.columns),
    ]),
  ).split('\n')
  const [head = '', ...rows] = table
  const at = state.reviews.findIndex(({ id }) => id === state.selected)
  const room = bodyRows(size) - 1
  const begin = Math.max(0, Math.min(at - Math.floor(room / 2), rows.length - room))
  return { body: [head, ...rows.slice(begin, begin + room)], chosen: at < 0 ? undefined : at - begin + 1 }
}

interface KeysOptions {
  readonly view: WatchView
  readonly requester: string
  readonly seen: boolean
  readonly columns: number
}

function keysOf({ view, requester, seen, columns }: KeysOptions): string {
  switch (view.kind) {
    case 'list':
      return ''
    case 'reading':
      return seen
        ? 'a: approve   d: deny   up, down, space: scroll   esc: back'
        : 'space, down: read on; only then it can be answered   esc: back'
    case 'comment': {
      const label = `${view.verdict}, comment (may be empty), enter: `
      // The end is what is being typed.
      return (
        label +
        Array.from(toPrintable(view.comment))
          .slice(-Math.max(columns - label.length - 1, 1))
          .join('')
      )
    }
    case 'confirm':
      return `y: ${view.verdict} what ${requester} asks for   any other key: back`
    case 'sending':
      return 'sending the answer'
    default:
      return unreachable(view)
  }
}
