import { createHash } from 'node:crypto'

/** What is protected in the database under attack, and must not come out in any form. */
const SSNS = ['123-45-6789', '987-65-4321'] as const
const CARDS = ['4111111111111111', '5500005555555559'] as const
const SALARIES = [5100, 7200] as const
/** Bytes between two digits that are told apart, at most: the head of a row with one column is 11. */
const GAP_BYTES_MAX = 16

interface Form {
  readonly name: string
  readonly pattern: RegExp
}

const FORMS: readonly Form[] = [
  ...[...SSNS, ...CARDS].flatMap(formsOf),
  ...SALARIES.flatMap(salary => [
    { name: `salary ${salary}`, pattern: new RegExp(`(?<![0-9])${salary}(?![0-9])`) },
    { name: `salary ${salary} as int4`, pattern: bytesPattern(int32(4), int32(salary)) },
  ]),
]

/** The forms of protected values that are in these bytes. `more` are texts that only a certain attack makes. */
export function canariesIn(bytes: Buffer, more: readonly string[] = []): readonly string[] {
  const text = bytes.toString('latin1')
  return [
    ...FORMS.filter(({ pattern }) => pattern.test(text)).map(({ name }) => name),
    ...more.filter(form => text.includes(form)),
  ]
}

function formsOf(value: string): readonly Form[] {
  const digits = value.replaceAll('-', '')
  return [value, digits].flatMap((spelling): readonly Form[] => {
    const bytes = Buffer.from(spelling)
    const reversed = [...spelling].reverse().join('')
    const escaped = [...spelling].map(letter => `\\u00${letter.charCodeAt(0).toString(16)}`).join('')
    const separated = [...digits].join(`[^0-9]{0,${GAP_BYTES_MAX}}`)
    const codes = [...spelling].map(letter => letter.charCodeAt(0))
    return [
      form(spelling, spelling),
      form(`${spelling} reversed`, reversed),
      form(`${spelling} in JSON escapes`, escaped),
      form(`${spelling} in hexadecimal`, bytes.toString('hex')),
      ...base64Parts(bytes).map(part => form(`${spelling} in base64`, part)),
      ...['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'].flatMap(name => {
        const digest = createHash(name).update(spelling).digest()
        return [
          form(`${spelling} as ${name}`, digest.toString('hex')),
          { name: `${spelling} as raw ${name}`, pattern: bytesPattern(digest) },
        ]
      }),
      { name: `${spelling} split`, pattern: new RegExp(separated) },
      { name: `${spelling} as codes`, pattern: new RegExp(codes.join('[^0-9]{1,16}')) },
      { name: `${spelling} as int8`, pattern: bytesPattern(int64(BigInt(digits))) },
    ]
  })
}

function form(name: string, text: string): Form {
  return { name, pattern: new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i') }
}

/** What base64 makes of bytes wherever they begin in a group of three, without the letters that neighbours change. */
function base64Parts(bytes: Buffer): readonly string[] {
  return [0, 1, 2].map(offset => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const whole = Math.floor(((offset + bytes.length) * 8) / 6)
    return text.slice(Math.ceil((offset * 8) / 6), whole)
  })
}

function bytesPattern(...parts: readonly Buffer[]): RegExp {
  const hex = Buffer.concat(parts).toString('hex')
  return new RegExp(hex.replace(/../g, '\\x$&'))
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}
