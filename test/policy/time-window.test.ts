import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  nextOpening,
  openUntil,
  spellOpening,
  type TimeWindow,
  WEEKDAYS,
} from '../../src/policy/time-window.js'
import { isTimeZone } from '../../src/policy/zoned-time.js'

const BERLIN = 'Europe/Berlin'
const NEW_YORK = 'America/New_York'
const EVERY_DAY = WEEKDAYS
const WORKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri'] as const
const FAR = new Date('2100-01-01T00:00:00Z')

function minutes(text: string): number {
  const [hours = '', rest = ''] = text.split(':')
  return Number(hours) * 60 + Number(rest)
}

function window(hours: string, zone: string, days: TimeWindow['days'] = EVERY_DAY): TimeWindow {
  const [from = '', to = ''] = hours.split('-')
  return { days, fromMinute: minutes(from), toMinute: minutes(to), zone }
}

/** Checks until when it is open at a time, or when it opens next. */
function check(
  title: string,
  [windows, now]: readonly [readonly TimeWindow[], string],
  verdict: string,
): void {
  test(title, () => {
    const at = new Date(now)
    const until = openUntil(windows, at, FAR)
    const next = nextOpening(windows, at)
    const spelled =
      until === undefined ? `closed, opens ${next?.at.toISOString()}` : `open until ${until.toISOString()}`
    expect(spelled.replaceAll(':00.000Z', 'Z')).toBe(verdict)
  })
}

const OFFICE = [window('08:00-18:00', BERLIN, WORKDAYS)]

check('open in the morning', [OFFICE, '2026-03-10T07:00:00Z'], 'open until 2026-03-10T17:00Z')
check('closed a millisecond before', [OFFICE, '2026-03-10T06:59:59.999Z'], 'closed, opens 2026-03-10T07:00Z')
check('closed at the end', [OFFICE, '2026-03-10T17:00:00Z'], 'closed, opens 2026-03-11T07:00Z')
check(
  'closed on Friday night until Monday',
  [OFFICE, '2026-03-13T17:30:00Z'],
  'closed, opens 2026-03-16T07:00Z',
)
check('in summer an hour earlier', [OFFICE, '2026-07-07T06:00:00Z'], 'open until 2026-07-07T16:00Z')

const NIGHT = [window('22:00-06:00', BERLIN, ['fri'])]
check(
  'a night belongs to the day on which it begins',
  [NIGHT, '2026-03-13T21:00:00Z'],
  'open until 2026-03-14T05:00Z',
)
check('it is still open on the day after', [NIGHT, '2026-03-14T04:59:00Z'], 'open until 2026-03-14T05:00Z')
check('not in the morning of its own day', [NIGHT, '2026-03-13T04:00:00Z'], 'closed, opens 2026-03-13T21:00Z')
check('nor in the night after', [NIGHT, '2026-03-14T23:00:00Z'], 'closed, opens 2026-03-20T21:00Z')

check(
  'a window that ends where it begins is a day long',
  [[window('09:00-09:00', 'UTC', ['mon'])], '2026-03-17T08:59:00Z'],
  'open until 2026-03-17T09:00Z',
)
check(
  'a whole day ends at midnight',
  [[window('00:00-24:00', BERLIN, ['sun'])], '2026-03-15T12:00:00Z'],
  'open until 2026-03-15T23:00Z',
)
check(
  'days without a break are one',
  [[window('00:00-24:00', BERLIN, ['sat', 'sun'])], '2026-03-14T12:00:00Z'],
  'open until 2026-03-15T23:00Z',
)
check(
  'windows that touch are one',
  [[window('08:00-12:00', 'UTC', ['mon']), window('12:00-18:00', 'UTC', ['mon'])], '2026-03-16T09:00:00Z'],
  'open until 2026-03-16T18:00Z',
)
check(
  'windows of two zones add up',
  [[window('08:00-18:00', BERLIN), window('08:00-18:00', NEW_YORK)], '2026-01-12T08:00:00Z'],
  'open until 2026-01-12T23:00Z',
)

// Clocks in Berlin: 2026-03-29 02:00 → 03:00 (01:00Z); 2026-10-25 03:00 → 02:00 (01:00Z).
check(
  'a window that begins in the hour that is left out begins when clocks jump',
  [[window('02:30-05:00', BERLIN)], '2026-03-29T00:59:00Z'],
  'closed, opens 2026-03-29T01:00Z',
)
check(
  'one that ends in it ends when clocks jump',
  [[window('01:00-02:30', BERLIN)], '2026-03-29T00:30:00Z'],
  'open until 2026-03-29T01:00Z',
)
check(
  'one that is wholly in it does not open that day',
  [[window('02:10-02:50', BERLIN)], '2026-03-29T00:30:00Z'],
  'closed, opens 2026-03-30T00:10Z',
)
check(
  'one that ends in the hour that comes twice ends the first time',
  [[window('01:00-02:30', BERLIN)], '2026-10-25T00:10:00Z'],
  'open until 2026-10-25T00:30Z',
)
check(
  'and does not open again',
  [[window('01:00-02:30', BERLIN)], '2026-10-25T01:10:00Z'],
  'closed, opens 2026-10-26T00:00Z',
)
check(
  'one that begins in it begins the first time',
  [[window('02:30-05:00', BERLIN)], '2026-10-25T00:29:00Z'],
  'closed, opens 2026-10-25T00:30Z',
)
check(
  'a day of 23 hours',
  [[window('00:00-24:00', BERLIN, ['sun'])], '2026-03-28T23:00:00Z'],
  'open until 2026-03-29T22:00Z',
)
check(
  'a day of 25 hours',
  [[window('00:00-24:00', BERLIN, ['sun'])], '2026-10-24T22:00:00Z'],
  'open until 2026-10-25T23:00Z',
)

// Clocks in New York: 2026-03-08 02:00 → 03:00 (07:00Z); 2026-11-01 02:00 → 01:00 (06:00Z).
check(
  'New York leaves its hour out on another day',
  [[window('02:30-05:00', NEW_YORK)], '2026-03-08T06:59:00Z'],
  'closed, opens 2026-03-08T07:00Z',
)
check(
  'and has it twice on another day',
  [[window('00:00-01:30', NEW_YORK)], '2026-11-01T04:10:00Z'],
  'open until 2026-11-01T05:30Z',
)
check(
  'a night over the change is an hour longer',
  [[window('22:00-06:00', NEW_YORK, ['sat'])], '2026-11-01T02:00:00Z'],
  'open until 2026-11-01T11:00Z',
)
// Samoa left 2011-12-30, a Friday, out.
check(
  'a day that a calendar left out has no window',
  [[window('08:00-18:00', 'Pacific/Apia', ['fri'])], '2011-12-30T11:00:00Z'],
  'closed, opens 2012-01-05T18:00Z',
)

test('nothing is open longer than the limit', () => {
  const limit = new Date('2026-03-10T08:00:00Z')
  expect(openUntil(OFFICE, new Date('2026-03-10T07:30:00Z'), limit)).toEqual(limit)
  expect(
    openUntil([window('00:00-24:00', 'UTC')], new Date('2026-03-10T07:30:00Z'), FAR)?.getFullYear(),
  ).toBe(2027)
})

test('an opening is told by the clocks of its zone', () => {
  const opening = nextOpening(OFFICE, new Date('2026-03-13T17:30:00Z'))
  expect(opening === undefined ? '' : spellOpening(opening)).toBe('Monday 16 March 08:00, Europe/Berlin')
})

test('zones are known or not', () => {
  expect(['UTC', BERLIN, 'Mars/Olympus', '', 'CEST+2'].map(isTimeZone)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
})

/** Walks minute by minute and looks at clocks, from a time at which the windows are closed. */
function showsOpen(at: Date, { days, fromMinute, toMinute, zone }: TimeWindow): boolean {
  const shown = new Date(`${at.toLocaleString('sv-SE', { timeZone: zone }).replace(' ', 'T')}Z`)
  const minute = shown.getUTCHours() * 60 + shown.getUTCMinutes()
  const day = (back: number): boolean =>
    days.some(name => name === WEEKDAYS[(shown.getUTCDay() + 7 - back) % 7])
  if (fromMinute < toMinute) return day(0) && minute >= fromMinute && minute < toMinute
  return (day(0) && minute >= fromMinute) || (day(1) && minute < toMinute)
}

const someWindow = fc.record({
  days: fc.uniqueArray(fc.constantFrom(...WEEKDAYS), { minLength: 1 }),
  fromMinute: fc.integer({ min: 0, max: 1439 }),
  toMinute: fc.integer({ min: 1, max: 1440 }),
  zone: fc.constantFrom('UTC', BERLIN, NEW_YORK, 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Apia'),
})
const someTime = fc
  .integer({ min: Date.UTC(2026, 0, 1) / 60_000, max: Date.UTC(2027, 0, 1) / 60_000 })
  .map(minute => new Date(minute * 60_000))

test('away from a change of clocks, what clocks show decides', () => {
  fc.assert(
    fc.property(someWindow, someTime, (one, now) => {
      const offset = (at: number): number =>
        new Date(
          `${new Date(at).toLocaleString('sv-SE', { timeZone: one.zone }).replace(' ', 'T')}Z`,
        ).getTime() - at
      // Clocks that changed within the last two days may have shown a minute twice or never.
      fc.pre(offset(now.getTime()) === offset(now.getTime() - 2 * 86_400_000))
      expect(openUntil([one], now, FAR) !== undefined).toBe(showsOpen(now, one))
    }),
    { numRuns: 500 },
  )
})

test('it is open until it is closed, and opens when it was closed', () => {
  fc.assert(
    fc.property(someWindow, someTime, (one, now) => {
      const limit = new Date(now.getTime() + 9 * 86_400_000)
      const until = openUntil([one], now, limit)
      if (until !== undefined) {
        expect(until.getTime()).toBeGreaterThan(now.getTime())
        expect(openUntil([one], new Date(until.getTime() - 1), limit)).toEqual(until)
        if (until < limit) expect(openUntil([one], until, limit)).toBeUndefined()
        return
      }
      const at = nextOpening([one], now)?.at
      if (at === undefined) throw new Error('it never opens')
      expect(at.getTime()).toBeGreaterThan(now.getTime())
      expect(openUntil([one], at, FAR)).toBeDefined()
      expect(openUntil([one], new Date(at.getTime() - 1), FAR)).toBeUndefined()
    }),
    { numRuns: 200 },
  )
})
