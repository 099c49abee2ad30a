import { expect, test } from 'vitest'
import { EndWarnings } from '../../src/gateway/session/end-warnings.js'

const MINUTE_MS = 60_000
const at = (minutes: number) => new Date(minutes * MINUTE_MS)

/** What is said at each look, in minutes from the start, of a grant that ends after `lasts` minutes. */
function check(lasts: number, looks: Readonly<Record<number, string | undefined>>): void {
  const warnings = new EndWarnings(at(lasts), at(0))
  const said = Object.keys(looks).map(minutes => [minutes, warnings.due(Number(minutes) * MINUTE_MS)])
  expect(Object.fromEntries(said)).toEqual(looks)
}

test('a grant warns five minutes and one minute before its end, once each', () =>
  check(10, {
    '4.9': undefined,
    '5': 'the grant ends in 5 minutes',
    '5.1': undefined,
    '8.9': undefined,
    '9': 'the grant ends in 1 minute',
    '9.5': undefined,
    '10': undefined,
  }))
test('a short grant leaves out what is over at its start', () => {
  check(3, { '0': undefined, '2': 'the grant ends in 1 minute', '2.5': undefined })
  check(0.5, { '0': undefined, '0.4': undefined })
})
test('a clock that jumps gives the last warning alone', () =>
  check(10, { '1': undefined, '9.2': 'the grant ends in 1 minute', '9.4': undefined }))
