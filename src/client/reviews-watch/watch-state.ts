import type { ReviewView } from '../../domain/api.js'
import { unreachable } from '../../lib/unreachable.js'
import { describeState } from '../review-words.js'
import type { LinkState } from '../steady-gateway.js'
import { bodyRows, linesOf, type ScreenSize } from './watch-lines.js'

/** The longest comment that can be typed, in UTF-16 units. */
export const COMMENT_LENGTH_MAX = 500

/** What is on the screen. */
export type WatchView =
  | { readonly kind: 'list' }
  /** `seenTo`: how many lines were on the screen so far, without a gap. */
  | Reading
  | { readonly kind: 'comment'; readonly from: Reading; readonly verdict: Verdict; readonly comment: string }
  | { readonly kind: 'confirm'; readonly from: Reading; readonly verdict: Verdict; readonly comment: string }
  | { readonly kind: 'sending'; readonly from: Reading; readonly verdict: Verdict }

export type Verdict = 'approve' | 'deny'

export interface Reading {
  readonly kind: 'reading'
  readonly id: string
  readonly top: number
  readonly seenTo: number
  /** Lines are broken at this width: at another one, what was seen is not known any more. */
  readonly columns: number
}

export interface WatchState {
  /** Questions that this person may answer now, the oldest first. */
  readonly reviews: readonly ReviewView[]
  /** The list has come once. */
  readonly listed: boolean
  readonly selected: string | undefined
  readonly view: WatchView
  readonly link: 'connecting' | LinkState
  /** What happened last. */
  readonly notice: string | undefined
}

export type WatchKey =
  | { readonly kind: 'up' | 'down' | 'page-up' | 'page-down' | 'enter' | 'escape' | 'backspace' }
  | { readonly kind: 'text'; readonly text: string }

export type WatchEvent =
  | { readonly kind: 'reviews'; readonly reviews: readonly ReviewView[] }
  | { readonly kind: 'link'; readonly link: LinkState }
  | { readonly kind: 'key'; readonly key: WatchKey }
  | { readonly kind: 'resized' }
  | { readonly kind: 'answered'; readonly review: ReviewView }
  | { readonly kind: 'failed'; readonly message: string }

/** What is to be done beside drawing. */
export type WatchEffect =
  | { readonly kind: 'bell' }
  | { readonly kind: 'leave' }
  | {
      readonly kind: 'answer'
      readonly review: ReviewView
      readonly verdict: Verdict
      readonly comment: string | undefined
    }

export interface Step {
  readonly state: WatchState
  readonly effects: readonly WatchEffect[]
}

/** What the step needs of the world. */
export interface WatchWorld {
  readonly size: ScreenSize
  readonly now: Date
}

export const WATCH_START: WatchState = {
  reviews: [],
  listed: false,
  selected: undefined,
  view: { kind: 'list' },
  link: 'connecting',
  notice: undefined,
}

/** The next state, and what is to be done. */
export function step(state: WatchState, event: WatchEvent, world: WatchWorld): Step {
  switch (event.kind) {
    case 'reviews':
      return takeReviews(state, event.reviews, world)
    case 'link':
      return quiet({ ...state, link: event.link })
    case 'resized':
      return quiet({ ...state, view: resized(state, world) })
    case 'answered': {
      const notice = `${event.review.id}, ${event.review.requester}: ${describeState(event.review, world.now)}`
      return quiet(withReviews({ ...state, notice }, [event.review]))
    }
    case 'failed':
      return quiet({ ...state, notice: event.message, view: backToReading(state.view) })
    case 'key':
      return pressKey(state, event.key, world)
    default:
      return unreachable(event)
  }
}

/** The question that is being read or answered. */
export function readReview(state: WatchState): ReviewView | undefined {
  const reading = readingOf(state.view)
  return state.reviews.find(({ id }) => id === reading?.id)
}

/** The page that is read, also while it is being answered. */
export function readingOf(view: WatchView): Reading | undefined {
  if (view.kind === 'list') return undefined
  return view.kind === 'reading' ? view : view.from
}

/** True once every line of the question was on the screen: before that it cannot be answered. */
export function isSeen(reading: Reading, lineCount: number): boolean {
  return reading.seenTo >= lineCount
}

function quiet(state: WatchState): Step {
  return { state, effects: [] }
}

function takeReviews(state: WatchState, changed: readonly ReviewView[], { now }: WatchWorld): Step {
  const known = new Set(state.reviews.map(({ id }) => id))
  const decided = changed.filter(({ id, state: after }) => known.has(id) && after !== 'pending')
  const fresh = changed.filter(review => !known.has(review.id) && isOpen(review))
  const notices = [
    ...decided.map(review => `${review.id}, ${review.requester}: ${describeState(review, now)}`),
    ...(state.listed ? fresh.map(({ id, requester }) => `new: ${id} of ${requester}`) : []),
  ]
  const next = withReviews(state, changed)
  return {
    state: { ...next, listed: true, notice: notices.join('; ') || state.notice },
    effects: state.listed && fresh.length > 0 ? [{ kind: 'bell' }] : [],
  }
}

/** The list with these in their new state; a page about something that cannot be answered any more is left. */
function withReviews(state: WatchState, changed: readonly ReviewView[]): WatchState {
  const ids = new Set(changed.map(({ id }) => id))
  const reviews = [...state.reviews.filter(({ id }) => !ids.has(id)), ...changed.filter(isOpen)].sort(
    (one, other) => one.askedAt.localeCompare(other.askedAt) || one.id.localeCompare(other.id),
  )
  const isThere = (id: string | undefined): boolean => reviews.some(review => review.id === id)
  return {
    ...state,
    reviews,
    selected: isThere(state.selected) ? state.selected : reviews[0]?.id,
    view: state.view.kind === 'list' || isThere(readingOf(state.view)?.id) ? state.view : { kind: 'list' },
  }
}

function isOpen({ state, answerable }: ReviewView): boolean {
  return state === 'pending' && answerable
}

function pressKey(state: WatchState, key: WatchKey, world: WatchWorld): Step {
  const { view } = state
  switch (view.kind) {
    case 'list':
      return pressInList(state, key, world)
    case 'reading':
      return pressWhileReading(state, view, key, world)
    case 'comment':
      return quiet({ ...state, view: typeComment(view, key) })
    case 'confirm':
      return confirm(state, view, key)
    case 'sending':
      return quiet(state)
    default:
      return unreachable(view)
  }
}

function pressInList(state: WatchState, key: WatchKey, world: WatchWorld): Step {
  const at = state.reviews.findIndex(({ id }) => id === state.selected)
  const select = (index: number): Step =>
    quiet({ ...state, selected: state.reviews[index]?.id ?? state.selected })
  if (isText(key, 'q')) return { state, effects: [{ kind: 'leave' }] }
  if (key.kind === 'up' || isText(key, 'k')) return select(at - 1)
  if (key.kind === 'down' || isText(key, 'j')) return select(at + 1)
  const review = state.reviews[at]
  if (key.kind !== 'enter' || review === undefined) return quiet(state)
  return quiet({
    ...state,
    notice: undefined,
    view: turnTo({ id: review.id, top: 0, seenTo: 0 }, review, world),
  })
}

function pressWhileReading(state: WatchState, reading: Reading, key: WatchKey, world: WatchWorld): Step {
  const review = readReview(state)
  if (key.kind === 'escape' || isText(key, 'q') || review === undefined) {
    return quiet({ ...state, view: { kind: 'list' } })
  }
  const move = movement(key, bodyRows(world.size))
  if (move !== 0) {
    return quiet({ ...state, view: turnTo({ ...reading, top: reading.top + move }, review, world) })
  }
  const verdict = isText(key, 'a') ? 'approve' : isText(key, 'd') ? 'deny' : undefined
  if (verdict === undefined) return quiet(state)
  // INVARIANT 6: nobody approves what they were not shown.
  if (!isSeen(reading, linesOf(review, world.size.columns, world.now).length)) {
    return quiet({ ...state, notice: 'read on to the end before you answer' })
  }
  return quiet({
    ...state,
    notice: undefined,
    view: { kind: 'comment', from: reading, verdict, comment: '' },
  })
}

function movement(key: WatchKey, page: number): number {
  if (key.kind === 'up' || isText(key, 'k')) return -1
  if (key.kind === 'down' || isText(key, 'j')) return 1
  if (key.kind === 'page-up' || isText(key, 'b')) return -page
  return key.kind === 'page-down' || isText(key, ' ') ? page : 0
}

/** The page that begins at `top`, or as near to it as there are lines. What it shows has been seen. */
function turnTo(
  { id, top, seenTo }: Pick<Reading, 'id' | 'top' | 'seenTo'>,
  review: ReviewView,
  { size, now }: WatchWorld,
): Reading {
  const rows = bodyRows(size)
  const last = Math.max(0, linesOf(review, size.columns, now).length - rows)
  const begin = Math.min(Math.max(top, 0), last)
  // Lines that were jumped over have not been seen.
  const seen = begin <= seenTo ? Math.max(seenTo, begin + rows) : seenTo
  return { kind: 'reading', id, top: begin, seenTo: seen, columns: size.columns }
}

/** A page at a new size: where lines are broken anew, reading begins anew. */
function resized(state: WatchState, world: WatchWorld): WatchView {
  const { view } = state
  const reading = readingOf(view)
  const review = readReview(state)
  if (reading === undefined || review === undefined) return view
  const anew = reading.columns !== world.size.columns
  const from = turnTo(anew ? { id: reading.id, top: 0, seenTo: 0 } : reading, review, world)
  // An answer that is being typed was begun when all had been seen.
  return view.kind === 'reading' || view.kind === 'list' ? from : { ...view, from }
}

type Commenting = Extract<WatchView, { kind: 'comment' }>

function typeComment(view: Commenting, key: WatchKey): WatchView {
  const { comment } = view
  switch (key.kind) {
    case 'text':
      return { ...view, comment: (comment + key.text).slice(0, COMMENT_LENGTH_MAX) }
    case 'backspace':
      return { ...view, comment: Array.from(comment).slice(0, -1).join('') }
    case 'enter':
      return { ...view, kind: 'confirm' }
    case 'escape':
      return view.from
    default:
      return view
  }
}

function confirm(state: WatchState, view: Extract<WatchView, { kind: 'confirm' }>, key: WatchKey): Step {
  const { from, verdict } = view
  const review = readReview(state)
  if (!isText(key, 'y') || review === undefined) return quiet({ ...state, view: from })
  const comment = view.comment.trim() === '' ? undefined : view.comment.trim()
  return {
    state: { ...state, view: { kind: 'sending', from, verdict } },
    effects: [{ kind: 'answer', review, verdict, comment }],
  }
}

function backToReading(view: WatchView): WatchView {
  return readingOf(view) ?? view
}

function isText(key: WatchKey, text: string): boolean {
  return key.kind === 'text' && key.text === text
}
