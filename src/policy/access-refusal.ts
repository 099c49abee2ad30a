import type { RoleName, RuleName } from '../domain/names.js'
import type { ErrorCode } from '../lib/hoop-error.js'
import { type AccessRequest, type AccessRule, givesUntil, isWithin } from './access-rule.js'
import { nextOpening, spellOpening } from './time-window.js'

/** Longest reason, in UTF-16 code units. It is stored and shown with every grant. */
const REASON_LENGTH_MAX = 1000

/** Why a grant is not given, for the person who asked. */
export interface AccessRefusal {
  readonly kind: 'refused'
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | undefined
  /** The rule that came closest, where one did. */
  readonly rule: RuleName | undefined
}

/** Refuses what no rule could be asked about; undefined where there is nothing wrong with it. */
export function refuseMalformed(request: AccessRequest): AccessRefusal | undefined {
  const { durationMs, reason } = request
  if (durationMs !== undefined && !(Number.isSafeInteger(durationMs) && durationMs > 0)) {
    return refuse(request, {
      code: 'usage',
      why: 'the duration is not a positive whole number',
      hint: '--for 30m',
    })
  }
  if (reason !== undefined && reason.length > REASON_LENGTH_MAX) {
    return refuse(request, {
      code: 'usage',
      why: `the reason is longer than ${REASON_LENGTH_MAX} characters`,
    })
  }
  // A reason is shown on terminals: what moves a cursor or changes colours has no place in one.
  if (reason !== undefined && /\p{Cc}/u.test(reason)) {
    return refuse(request, { code: 'usage', why: 'the reason holds control characters' })
  }
  return undefined
}

/** Says the same of a connection or a role that is closed and of one that does not exist. */
export function refuseRole(request: AccessRequest, open: readonly RoleName[]): AccessRefusal {
  if (request.breakGlass === true) {
    const why = 'no access rule gives you the right to break the glass for it'
    return refuse(request, { code: 'forbidden', why, hint: 'leave --break-glass out' })
  }
  if (request.role === undefined || open.length === 0) {
    return refuse(request, {
      code: 'forbidden',
      why: 'no access rule gives it to a group of yours',
      hint: 'hoop connections lists what is open to you',
    })
  }
  const why = `no access rule gives you role "${request.role}" of it`
  return refuse(request, { code: 'forbidden', why, hint: `roles open to you: ${open.join(', ')}` })
}

/** Some rule fits who and what; what keeps it from giving is said of the rule that comes closest. */
export function refuseTerms(
  request: AccessRequest,
  fitting: readonly AccessRule[],
  now: Date,
): AccessRefusal {
  const open = fitting.filter(rule => givesUntil(rule, now, new Date(now.getTime() + 1)) !== undefined)
  const withinTime = open.find(rule => isWithin(rule, request))
  if (withinTime !== undefined) {
    const why = `rule "${withinTime.name}" asks for a reason`
    return refuse(request, { code: 'usage', why, hint: '--reason "why you need it"', rule: withinTime.name })
  }
  if (open.length === 0) return refuseClosed(request, fitting, now)
  const longest = open.reduce((one, other) => (other.durationMaxMs > one.durationMaxMs ? other : one))
  const maximum = spellDuration(longest.durationMaxMs)
  const why = `rule "${longest.name}" gives ${maximum} at most`
  return refuse(request, { code: 'forbidden', why, hint: `--for ${maximum}`, rule: longest.name })
}

/** No rule gives anything at this time of the day or the week. */
function refuseClosed(request: AccessRequest, fitting: readonly AccessRule[], now: Date): AccessRefusal {
  const openings = fitting.flatMap(rule => {
    const opening = nextOpening(rule.during ?? [], now)
    return opening === undefined ? [] : [{ rule: rule.name, ...opening }]
  })
  const [next] = openings.sort((one, other) => one.at.getTime() - other.at.getTime())
  if (next === undefined) {
    return refuse(request, { code: 'forbidden', why: 'no access rule gives it at this time' })
  }
  const why = `rule "${next.rule}" gives nothing now; it does again on ${spellOpening(next)}`
  return refuse(request, { code: 'forbidden', why, rule: next.rule })
}

interface Refusal {
  readonly code: ErrorCode
  readonly why: string
  readonly hint?: string
  readonly rule?: RuleName
}

function refuse(request: AccessRequest, { code, why, hint, rule }: Refusal): AccessRefusal {
  return {
    kind: 'refused',
    code,
    message: `Cannot grant connection "${request.connection.name}": ${why}`,
    hint,
    rule,
  }
}

/** A duration the way `--for` reads it: the largest unit that says it exactly. */
function spellDuration(durationMs: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const
  const unit = units.find(([, size]) => durationMs % size === 0)
  return unit === undefined ? `${durationMs}ms` : `${durationMs / unit[1]}${unit[0]}`
}
