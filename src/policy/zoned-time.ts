/** A day of a calendar, without a zone. Months count from 1. */
export interface CalendarDay {
  readonly year: number
  readonly month: number
  readonly day: number
}

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
/** Formatters are slow to make, and there are few zones in a configuration. */
const FORMATS_MAX = 100

const formats = new Map<string, Intl.DateTimeFormat>()

/** True when the zone is one that clocks can be read in: `Europe/Berlin`, `UTC`. */
export function isTimeZone(zone: string): boolean {
  try {
    formatFor(zone)
    return true
  } catch {
    return false
  }
}

/** What the clocks of a zone show, as if it were UTC, in milliseconds: made for differences and calendar days only. */
function shownAt(instantMs: number, zone: string): number {
  const second = Math.floor(instantMs / 1000) * 1000
  const parts = new Map(
    formatFor(zone)
      .formatToParts(second)
      .map(part => [part.type, Number(part.value)]),
  )
  const read = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? Number.NaN
  const day = Date.UTC(read('year'), read('month') - 1, read('day'))
  return day + ((read('hour') * 60 + read('minute')) * 60 + read('second')) * 1000 + (instantMs - second)
}

/** The day that the calendar of a zone shows at this time, moved by a number of days. */
export function dayAt(
  instant: Date,
  { zone, plus = 0 }: { readonly zone: string; readonly plus?: number },
): CalendarDay {
  const shown = new Date(Math.floor(shownAt(instant.getTime(), zone) / DAY_MS + plus) * DAY_MS)
  return { year: shown.getUTCFullYear(), month: shown.getUTCMonth() + 1, day: shown.getUTCDate() }
}

/** The day of the week: 0 is Sunday. */
export function weekdayOf({ year, month, day }: CalendarDay): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay()
}

/**
 * The first moment at which the clocks of a zone show a minute of a day, or have passed it: where they go forward a minute
 * may never be shown, and where they go back it is shown twice. Minutes count from 0; 1440 and more belong to the days after.
 */
export function firstMoment({ year, month, day }: CalendarDay, minute: number, zone: string): Date {
  const wanted = Date.UTC(year, month - 1, day) + minute * MINUTE_MS
  // No zone is a whole day from UTC, so one of these comes before the moment and one after, also if clocks change then.
  const offsets = [wanted - DAY_MS, wanted + DAY_MS].map(instant => shownAt(instant, zone) - instant)
  const shown = offsets.map(offset => wanted - offset).filter(instant => shownAt(instant, zone) === wanted)
  if (shown.length > 0) return new Date(Math.min(...shown))
  return new Date(findPassing(wanted, zone))
}

/** The moment that clocks jump over what is wanted, by halving. */
function findPassing(wanted: number, zone: string): number {
  let before = wanted - 2 * DAY_MS
  let after = wanted + 2 * DAY_MS
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (shownAt(middle, zone) < wanted) before = middle
    else after = middle
  }
  return after
}

function formatFor(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  if (formats.size >= FORMATS_MAX) formats.clear()
  formats.set(zone, made)
  return made
}
