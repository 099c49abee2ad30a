import { dayAt, firstMoment, weekdayOf } from './zoned-time.js'

/** Names of days as the configuration has them; the place in the list is the number that `Date` has for the day. */
export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
export type Weekday = (typeof WEEKDAYS)[number]

/**
 * A part of the day on which something is open, by the clocks of a zone. It belongs to the day on which it begins, and ends on
 * the next one where its end is not after its beginning: from 22:00 to 06:00.
 */
export interface TimeWindow {
  readonly days: readonly Weekday[]
  /** Minutes from the beginning of the day; `toMinute` is up to 1440, and not in the window any more. */
  readonly fromMinute: number
  readonly toMinute: number
  readonly zone: string
}

const DAY_MINUTES = 1440
/** How far ahead is looked for an opening: each window opens once in a week, and calendars have skipped a day. */
const DAYS_AHEAD_MAX = 16
/** Windows that follow each other without a break count as one, up to this many. */
const JOINED_MAX = 500

interface Span {
  readonly from: number
  readonly to: number
}

/**
 * Until when the windows are open without a break, at most until `limit`; undefined when they are closed now. Where clocks
 * change, a window begins and ends the first time that they show its beginning and its end, or jump over it.
 */
export function openUntil(windows: readonly TimeWindow[], now: Date, limit: Date): Date | undefined {
  let until = now.getTime()
  for (let joined = 0; joined < JOINED_MAX && until < limit.getTime(); joined += 1) {
    const open = spansAround(windows, new Date(until)).filter(({ from, to }) => from <= until && until < to)
    if (open.length === 0) break
    until = Math.max(...open.map(span => span.to))
  }
  return until === now.getTime() ? undefined : new Date(Math.min(until, limit.getTime()))
}

/** When the first of the windows opens after now, and the one that does; undefined when none does for two weeks. */
export function nextOpening(
  windows: readonly TimeWindow[],
  now: Date,
): { readonly at: Date; readonly window: TimeWindow } | undefined {
  const openings = windows.flatMap(window =>
    spansOf(window, now, { first: -1, last: DAYS_AHEAD_MAX })
      .filter(span => span.from > now.getTime())
      .map(span => ({ at: new Date(span.from), window })),
  )
  return openings.reduce<(typeof openings)[number] | undefined>(
    (earliest, one) => (earliest === undefined || one.at < earliest.at ? one : earliest),
    undefined,
  )
}

/** An opening for people: `Monday 16 March 08:00, Europe/Berlin`. */
export function spellOpening({ at, window }: { readonly at: Date; readonly window: TimeWindow }): string {
  const spelled = new Intl.DateTimeFormat('en-GB', {
    timeZone: window.zone,
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(at)
  const read = (type: Intl.DateTimeFormatPartTypes): string =>
    spelled.find(part => part.type === type)?.value ?? ''
  const day = `${read('weekday')} ${read('day')} ${read('month')}`
  return `${day} ${read('hour')}:${read('minute')}, ${window.zone}`
}

/** What can hold a moment began on its day or on one of the two before: a window is at most a day long, clocks change. */
function spansAround(windows: readonly TimeWindow[], now: Date): readonly Span[] {
  return windows.flatMap(window => spansOf(window, now, { first: -2, last: 0 }))
}

function spansOf(
  window: TimeWindow,
  now: Date,
  { first, last }: { readonly first: number; readonly last: number },
): readonly Span[] {
  const { days, fromMinute, toMinute, zone } = window
  const endMinute = toMinute > fromMinute ? toMinute : toMinute + DAY_MINUTES
  const ahead = Array.from({ length: last - first + 1 }, (_, index) => first + index)
  return ahead
    .map(plus => dayAt(now, { zone, plus }))
    .filter(day => days.some(name => WEEKDAYS[weekdayOf(day)] === name))
    .map(day => ({
      from: firstMoment(day, fromMinute, zone).getTime(),
      to: firstMoment(day, endMinute, zone).getTime(),
    }))
    .filter(span => span.from < span.to)
}
