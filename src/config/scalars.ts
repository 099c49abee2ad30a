import { isIPv6 } from 'node:net'
import { z } from 'zod'
import type { SecretReference } from '../domain/connection.js'
import type { MaskStrategy } from '../domain/masking-rule.js'
import { NAME_FORM, readAgentName, readConnectionName, readRoleName, readRuleName } from '../domain/names.js'
import { isTimeZone } from '../policy/zoned-time.js'

/** Longest duration that is taken: ten years. Timers and dates are exact well beyond it. */
const DURATION_MAX_MS = 10 * 365 * 86_400_000
const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const UNIT_BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const

interface Scalar<Value> {
  /** What it looks like, to follow "expected". */
  readonly form: string
  /** The same for editors, where a regular expression can say it. */
  readonly pattern: RegExp
  readonly read: (text: string) => Value | undefined
}

/** A text of a certain form, read into a value. Messages say the form and never the text. */
function scalar<Value>({ form, pattern, read }: Scalar<Value>) {
  const error = `expected ${form}`
  return z
    .string({ error })
    .regex(pattern, { error, abort: true })
    .meta({ description: form })
    .transform((text, context) => {
      const value = read(text)
      if (value !== undefined) return value
      context.addIssue({ code: 'custom', message: error })
      return z.NEVER
    })
}

/** Any text that is not blank. It goes into messages and protocols, where other control characters would be structure. */
export const plainText = z
  .string({ error: 'expected a text' })
  .regex(/\S/, { error: 'expected a text that is not blank' })
  .refine(text => !/[^\P{Cc}\t\n\r]/u.test(text), { error: 'expected a text without control characters' })

/** A duration in milliseconds: one number and one unit. */
export const duration = scalar({
  form: 'a duration such as 30s, 15m, 8h or 7d',
  pattern: /^[0-9]+(ms|s|m|h|d)$/,
  read: text => measure(text, UNIT_MS, DURATION_MAX_MS),
})

/** A size in bytes: one number and one unit. */
export const size = scalar({
  form: 'a size such as 64KiB, 16MiB or 1GiB',
  pattern: /^[0-9]+(B|KiB|MiB|GiB)$/,
  read: text => measure(text, UNIT_BYTES, Number.MAX_SAFE_INTEGER),
})

/** A count of at least one. */
export const count = z
  .int({ error: 'expected a whole number' })
  .min(1, { error: 'expected a whole number from 1' })
  .max(1_000_000_000, { error: 'expected a smaller number' })

/** Where a secret is. INVARIANT 3: the file does not hold it, unless it says so with `literal:`. */
export const secret = scalar<SecretReference>({
  form: 'a reference to a secret: env:NAME, file:PATH or, where it must be, literal:VALUE',
  pattern: /^(env:[A-Za-z_][A-Za-z0-9_]*|file:[^\0]+|literal:[\s\S]+)$/,
  read: readSecretReference,
})

/** `host:port`, `[IPv6]:port` or, with a default, `host`. */
export const targetAddress = scalar({
  form: 'an address host:port',
  pattern: /^(\[[0-9A-Fa-f:.]+\]|[^\s:/@[\]]+):[0-9]{1,5}$/,
  read: text => readAddress(text, 1),
})

/** The same, where port 0 asks for any free port. */
export const listenAddress = scalar({
  form: 'an address host:port',
  pattern: /^(\[[0-9A-Fa-f:.]+\]|[^\s:/@[\]]+):[0-9]{1,5}$/,
  read: text => readAddress(text, 0),
})

/** The address of a site: scheme, host and port, nothing behind. */
export const siteUrl = scalar({
  form: 'an address such as https://gateway.example.com, without a path',
  pattern: /^https:\/\/[^/?#@\s]+\/?$/,
  read: text => (URL.canParse(text) ? new URL(text).origin : undefined),
})

/** An OpenID issuer, kept as written: it is compared letter by letter. OpenID Connect Discovery 1.0, section 3. */
export const issuerUrl = scalar({
  form: "the provider's issuer, an https:// address (http:// only for this machine)",
  pattern: /^https?:\/\/[^?#@\s]+$/,
  read: text => (URL.canParse(text) && isSecureOrLocal(new URL(text)) ? text : undefined),
})

export const connectionName = scalar({
  form: NAME_FORM,
  pattern: /^[a-z][a-z0-9-]{0,62}$/,
  read: readConnectionName,
})
export const roleName = scalar({ form: NAME_FORM, pattern: /^[a-z][a-z0-9-]{0,62}$/, read: readRoleName })
export const agentName = scalar({ form: NAME_FORM, pattern: /^[a-z][a-z0-9-]{0,62}$/, read: readAgentName })
export const ruleName = scalar({ form: NAME_FORM, pattern: /^[a-z][a-z0-9-]{0,62}$/, read: readRuleName })

/** A glob over plain names. */
export const nameGlob = scalar({
  form: 'a name, in which * stands for any characters',
  pattern: /^[^\s]{1,200}$/,
  read: text => text,
})

/** A glob over columns. */
export const columnGlob = scalar({
  form: 'schema.table.column, in which * stands for any characters but the dot',
  pattern: /^[^.]+\.[^.]+\.[^.]+$/,
  read: text => text,
})

/** A time of day, in minutes from midnight; 24:00 is the end of the day. */
export const timeOfDay = scalar({
  form: 'a time of day such as "08:00", up to "24:00"',
  pattern: /^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$/,
  read: text => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)),
})

/** A time zone of the IANA database. */
export const timeZone = scalar({
  form: 'a time zone such as Europe/Berlin or UTC',
  pattern: /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/,
  read: text => (isTimeZone(text) ? text : undefined),
})

/** How a value is made unreadable. */
export const strategy = scalar<MaskStrategy>({
  form: 'redact, keep-last N, hash or null in quotes',
  pattern: /^(redact|hash|null|keep-last [1-9][0-9]?)$/,
  read: readStrategy,
})

function readStrategy(text: string): MaskStrategy | undefined {
  if (text === 'redact' || text === 'hash' || text === 'null') return { kind: text }
  const [, digits] = text.split(' ')
  return digits === undefined ? undefined : { kind: 'keep-last', count: Number(digits) }
}

function readSecretReference(text: string): SecretReference | undefined {
  const colon = text.indexOf(':')
  const rest = text.slice(colon + 1)
  switch (text.slice(0, colon)) {
    case 'env':
      return { kind: 'env', name: rest }
    case 'file':
      return { kind: 'file', path: rest }
    case 'literal':
      return { kind: 'literal', value: rest }
    default:
      return undefined
  }
}

function measure(text: string, units: Readonly<Record<string, number>>, max: number): number | undefined {
  const [, digits = '', unit = ''] = /^([0-9]+)([A-Za-z]+)$/.exec(text) ?? []
  const value = Number(digits) * (units[unit] ?? Number.NaN)
  return Number.isSafeInteger(value) && value > 0 && value <= max ? value : undefined
}

function readAddress(
  text: string,
  portMin: number,
): { readonly host: string; readonly port: number } | undefined {
  const colon = text.lastIndexOf(':')
  const port = Number(text.slice(colon + 1))
  const spelled = text.slice(0, colon)
  const host = spelled.startsWith('[') ? spelled.slice(1, -1) : spelled
  if (spelled.startsWith('[') && !isIPv6(host)) return undefined
  return port >= portMin && port <= 65_535 ? { host, port } : undefined
}

function isSecureOrLocal(url: URL): boolean {
  return url.protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
}
