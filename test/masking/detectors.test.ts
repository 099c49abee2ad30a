import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DETECTORS, type DetectorName } from '../../src/domain/masking-rule.js'
import { mayHold } from '../../src/masking/detectors/detector.js'
import { detectorNamed } from '../../src/masking/detectors/registry.js'
import { makeShape, readShape } from '../../src/masking/detectors/shape.js'

/** What a detector finds in a value, as the gateway asks it: first the shape, then the text. */
function found(name: DetectorName, value: Buffer): readonly string[] {
  const shape = makeShape()
  readShape(value, shape)
  const detector = detectorNamed(name)
  const text = value.toString('latin1')
  const spans = detector.find(text)
  if (!mayHold(shape, detector.needs)) expect(spans).toEqual([])
  return spans.map(({ from, to }) => Buffer.from(text.slice(from, to), 'latin1').toString('utf8'))
}

function check(name: DetectorName, text: string, ...expected: readonly string[]): void {
  test(`${name} finds ${expected.length === 0 ? 'nothing' : expected.join(' and ')} in ${text.slice(0, 80)}`, () => {
    expect(found(name, Buffer.from(text))).toEqual(expected)
  })
}

check('card-number', '4111111111111111', '4111111111111111')
check('card-number', 'card 4111 1111 1111 1111 exp 12/27', '4111 1111 1111 1111')
check('card-number', '5500-0055-5555-5559.', '5500-0055-5555-5559')
check('card-number', '378282246310005', '378282246310005')
check('card-number', '3782 822463 10005', '3782 822463 10005')
check('card-number', '6011111111111117,3530111333300000', '6011111111111117', '3530111333300000')
check('card-number', '30569309025904', '30569309025904')
check('card-number', '2223003122003222', '2223003122003222')
check('card-number', '12 4111 1111 1111 1111 12', '4111 1111 1111 1111')
check('card-number', '{"n":4111111111111111}', '4111111111111111')
check('card-number', '4111111111111112')
check('card-number', '9999999999999995')
check('card-number', '1700000000000')
check('card-number', '411111111111111')
check('card-number', '41111111111111114111111111111111')
check('card-number', 'a4111111111111111f')
check('card-number', '0.4111111111111111')
check('card-number', '2024-01-01 10:10:10.123456')
check('card-number', '4111  1111  1111  1111')
check('card-number', '550e8400-e29b-41d4-a716-446655440000')

check('email', 'ann@ex.com', 'ann@ex.com')
check('email', 'Ann <ann.b+tag@mail.example.co.uk>, bob@x.org.', 'ann.b+tag@mail.example.co.uk', 'bob@x.org')
check('email', '{ann@ex.com,"bob@ex.com"}', 'ann@ex.com', 'bob@ex.com')
check('email', 'müller@straße.de', 'müller@straße.de')
check('email', 'mailto:ann@ex.com?subject=x', 'ann@ex.com')
check('email', 'user@localhost')
check('email', 'pkg@1.2.3')
check('email', '@handle and a@ b')
check('email', 'a@b')
check('email', 'a@.com')
check('email', '.@ex.com')

check('us-ssn', '123-45-6789', '123-45-6789')
check('us-ssn', 'ssn=123 45 6789;', '123 45 6789')
check('us-ssn', 'SSN 123-45-6789 1980', '123-45-6789')
check('us-ssn', '123456789')
check('us-ssn', '123-45 6789')
check('us-ssn', '000-12-3456')
check('us-ssn', '666-12-3456')
check('us-ssn', '900-12-3456')
check('us-ssn', '123-00-4567')
check('us-ssn', '123-45-0000')
check('us-ssn', '1123-45-6789')
check('us-ssn', '123-45-67890')
check('us-ssn', '1-123-45-6789')

check('iban', 'DE89370400440532013000', 'DE89370400440532013000')
check('iban', 'pay GB29 NWBK 6016 1331 9268 19 now', 'GB29 NWBK 6016 1331 9268 19')
check('iban', 'FR1420041010050500013M02606', 'FR1420041010050500013M02606')
check('iban', 'NO9386011117947', 'NO9386011117947')
check('iban', 'DE89370400440532013001')
check('iban', 'XX89370400440532013000')
check('iban', 'DE8937040044053201300')
check('iban', 'ADE89370400440532013000')

check('phone', '+49 30 901820', '+49 30 901820')
check('phone', 'call +1 (555) 010-0199 now', '+1 (555) 010-0199')
check('phone', '+4915112345678', '+4915112345678')
check('phone', '(415) 555-0132', '(415) 555-0132')
check('phone', '415-555-0132', '415-555-0132')
check('phone', '415.555.0132', '415.555.0132')
check('phone', '020 7946 0958', '020 7946 0958')
check('phone', '0171/1234567', '0171/1234567')
check('phone', '01 23 45 67 89', '01 23 45 67 89')
check('phone', '5551234567')
check('phone', '2024-01-01 10:10:10')
check('phone', '2024-01-01T10:10:10+01:00')
check('phone', '192.168.100.100')
check('phone', '123-45-6789')
check('phone', '1.234.567.890')
check('phone', '+1')
check('phone', '550e8400-e29b-41d4-a716-446655440000')

const HEADER = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url')
const TOKEN = `${HEADER}.eyJzdWIiOiIxIn0.dGVzdHNpZ25hdHVyZQ`
check('jwt', TOKEN, TOKEN)
check('jwt', `Bearer ${TOKEN}, next`, TOKEN)
check('jwt', `{"t":"${TOKEN}"}`, TOKEN)
check('jwt', `${HEADER}.e30`)
check('jwt', `${Buffer.from('{"typ":"JWT"}').toString('base64url')}.e30.abc`)
check('jwt', 'eyJub3QganNvbg.eyJub3QganNvbg.abc')
check('jwt', 'com.example.eyJ')

const PEM = '-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAK\n-----END RSA PRIVATE KEY-----'
check('private-key', PEM, PEM)
check('private-key', `a ${PEM} b ${PEM} c`, PEM, PEM)
check(
  'private-key',
  'x -----BEGIN OPENSSH PRIVATE KEY-----\\nb3Blbn',
  '-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Blbn',
)
check('private-key', '-----BEGIN PGP PRIVATE KEY BLOCK-----\nx', '-----BEGIN PGP PRIVATE KEY BLOCK-----\nx')
check('private-key', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----')
check('private-key', '-----BEGIN PUBLIC KEY-----')

const AWS_ID = ['AKIA', 'IOSFODNN7EXAMPLE'].join('')
const AWS_SECRET = ['wJalrXUtnFEMI/K7MDENG/', 'bPxRfiCYEXAMPLEKEY'].join('')
check('cloud-key', AWS_ID, AWS_ID)
check('cloud-key', `${AWS_ID}:${AWS_SECRET}`, AWS_ID, AWS_SECRET)
check('cloud-key', `aws_secret_access_key = ${AWS_SECRET}`, AWS_SECRET)
check('cloud-key', AWS_SECRET)
check('cloud-key', `AIza${'a'.repeat(35)}`, `AIza${'a'.repeat(35)}`)
check('cloud-key', `ghp_${'a1'.repeat(18)}`, `ghp_${'a1'.repeat(18)}`)
check('cloud-key', `xoxb-${'1'.repeat(12)}-abc`, `xoxb-${'1'.repeat(12)}-abc`)
check('cloud-key', `sk_live_${'a'.repeat(24)}`, `sk_live_${'a'.repeat(24)}`)
check('cloud-key', `AccountKey=${'a'.repeat(86)}==;Endpoint`, `${'a'.repeat(86)}==`)
check('cloud-key', 'MAKIAIOSFODNN7EXAMPLE')
check('cloud-key', 'da39a3ee5e6b4b0d3255bfef95601890afd80709')

test('spans are in order, inside of the text and apart, whatever the text', () => {
  const piece = fc.constantFrom(
    '@',
    '.',
    '-',
    ' ',
    '4111',
    '1111',
    '0',
    'a',
    'eyJ',
    'DE89',
    '+49',
    '-----BEGIN ',
    'PRIVATE KEY-----',
    'AKIA',
    '"',
    '\\',
  )
  fc.assert(
    fc.property(fc.constantFrom(...DETECTORS), fc.array(piece, { maxLength: 60 }), (name, pieces) => {
      const text = pieces.join('')
      let after = 0
      for (const { from, to } of detectorNamed(name).find(text)) {
        expect(from).toBeGreaterThanOrEqual(after)
        expect(to).toBeGreaterThan(from)
        expect(to).toBeLessThanOrEqual(text.length)
        after = to
      }
    }),
  )
})

const HOSTILE = [
  '@',
  'a@',
  'a.',
  '@a.',
  '4111 ',
  '4-',
  '1',
  '0 ',
  'eyJ',
  'eyJ.',
  '.eyJ',
  'DE89',
  'DE89 ',
  '+1',
  '+1 ',
  '(',
  '+(',
  '(4',
].concat([
  '-----BEGIN PRIVATE KEY-----',
  '-----BEGIN ',
  'A ',
  'AKIA',
  'AKIAAAAAAAAAAAAAAAAA ',
  'a/',
  'secretkey',
  'secret_access_key=',
  'ghp_',
  '123-45-',
  '\\u0040',
  '"',
  '-',
  '01 23 ',
])

/** Eight times the text: quadratic would take 64 times as long. */
const SMALL = 8_000
const LARGE = 64_000
const RATIO_MAX = 32
/** Below this a ratio says nothing: the timer and the neighbours on the machine are louder. */
const NOISE_MS = 5
const ATTEMPTS_MAX = 5

for (const name of DETECTORS) {
  test(`${name} takes time in proportion to the text, also where the text is hostile`, () => {
    expect(HOSTILE.filter(unit => !isLinear(name, unit))).toEqual([])
  })
}

/** A busy machine can make one measurement look quadratic, not five. */
function isLinear(name: DetectorName, unit: string): boolean {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const large = elapsedMs(name, unit, LARGE)
    if (large < NOISE_MS || large / elapsedMs(name, unit, SMALL) < RATIO_MAX) return true
  }
  return false
}

function elapsedMs(name: DetectorName, unit: string, length: number): number {
  const text = unit.repeat(Math.ceil(length / unit.length))
  const start = performance.now()
  detectorNamed(name).find(text)
  return performance.now() - start
}
