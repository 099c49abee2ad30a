import { compileGlob } from '../domain/glob.js'
import type { ConnectionName, RoleName, RuleName } from '../domain/names.js'
import type { Principal } from '../domain/principal.js'
import type { ErrorCode } from '../lib/hoop-error.js'

/** How long a grant lasts when nobody says: an hour, or the rule's maximum where that is less. */
const DURATION_DEFAULT_MS = 3_600_000
/** Longest reason, in UTF-16 code units. It is stored and shown with every grant. */
const REASON_LENGTH_MAX = 1000
/** In the groups of a rule: everyone who can sign in. */
const EVERYONE = '*'

/** Who may ask for what, and for how long. Rules add up: the first that fits in the order of the file gives the grant. */
export interface AccessRule {
  readonly name: RuleName
  /** Names of groups, exactly as the provider spells them; `*` is everyone who can sign in. */
  readonly groups: readonly string[]
  /** Globs of connection names. */
  readonly connections: readonly string[]
  /** Globs of role names. */
  readonly roles: readonly string[]
  readonly durationMaxMs: number
  readonly reasonRequired: boolean
}

/** What of a connection decides about access. */
export interface AccessTarget {
  readonly name: ConnectionName
  readonly roles: readonly { readonly name: RoleName }[]
}

/** What someone asks for. */
export interface AccessRequest {
  readonly principal: Principal
  readonly connection: AccessTarget
  /** Undefined asks for the first role of the connection that a rule allows. */
  readonly role: string | undefined
  readonly reason: string | undefined
  readonly durationMs: number | undefined
}

export type AccessDecision =
  | { readonly kind: 'granted'; readonly rule: RuleName; readonly role: RoleName; readonly until: Date }
  | {
      readonly kind: 'refused'
      readonly code: ErrorCode
      readonly message: string
      readonly hint: string | undefined
      /** The rule that came closest, where one did. */
      readonly rule: RuleName | undefined
    }

/**
 * Decides a request for a grant. Rules that fit the person, the connection and the role are tried in the order of the
 * file; the first whose maximum and whose demand for a reason are met gives the grant. A duration above every maximum
 * is refused, not shortened: nobody plans on time they do not have.
 */
export function decideAccess(
  rules: readonly AccessRule[],
  request: AccessRequest,
  now: Date,
): AccessDecision {
  const malformed = refuseMalformed(request)
  if (malformed !== undefined) return malformed
  const role = chooseRole(rules, request)
  if (role === undefined) return refuseRole(rules, request)
  const fitting = rules.filter(rule => isOpenTo(rule, request) && matchesAny(rule.roles, role))
  const giving = fitting.find(rule => isWithin(rule, request) && hasReason(rule, request))
  if (giving === undefined) return refuseTerms(fitting, request)
  const durationMs = request.durationMs ?? Math.min(giving.durationMaxMs, DURATION_DEFAULT_MS)
  return { kind: 'granted', rule: giving.name, role, until: new Date(now.getTime() + durationMs) }
}

/** The connections that any rule opens to a principal, each with the roles it may be asked for, in the given order. */
export function visibleConnections<Target extends AccessTarget>(
  rules: readonly AccessRule[],
  principal: Principal,
  connections: readonly Target[],
): readonly { readonly connection: Target; readonly roles: readonly RoleName[] }[] {
  return connections.flatMap(connection => {
    const roles = openRoles(rules, { principal, connection })
    return roles.length === 0 ? [] : [{ connection, roles }]
  })
}

type Who = Pick<AccessRequest, 'principal' | 'connection'>

function openRoles(rules: readonly AccessRule[], who: Who): readonly RoleName[] {
  const open = rules.filter(rule => isOpenTo(rule, who))
  return who.connection.roles
    .map(role => role.name)
    .filter(role => open.some(rule => matchesAny(rule.roles, role)))
}

function chooseRole(rules: readonly AccessRule[], request: AccessRequest): RoleName | undefined {
  const open = openRoles(rules, request)
  return request.role === undefined ? open[0] : open.find(role => role === request.role)
}

function isOpenTo(rule: AccessRule, { principal, connection }: Who): boolean {
  const isMember = rule.groups.some(group => group === EVERYONE || principal.groups.includes(group))
  return isMember && matchesAny(rule.connections, connection.name)
}

function matchesAny(globs: readonly string[], name: string): boolean {
  return globs.some(glob => compileGlob(glob)(name))
}

function isWithin(rule: AccessRule, request: AccessRequest): boolean {
  return request.durationMs === undefined || request.durationMs <= rule.durationMaxMs
}

function hasReason(rule: AccessRule, request: AccessRequest): boolean {
  return !rule.reasonRequired || (request.reason ?? '').trim() !== ''
}

function refuseMalformed(request: AccessRequest): AccessDecision | undefined {
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
function refuseRole(rules: readonly AccessRule[], request: AccessRequest): AccessDecision {
  const open = openRoles(rules, request)
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
function refuseTerms(fitting: readonly AccessRule[], request: AccessRequest): AccessDecision {
  const withinTime = fitting.find(rule => isWithin(rule, request))
  if (withinTime !== undefined) {
    const why = `rule "${withinTime.name}" asks for a reason`
    return refuse(request, { code: 'usage', why, hint: '--reason "why you need it"', rule: withinTime.name })
  }
  const longest = fitting.reduce((one, other) => (other.durationMaxMs > one.durationMaxMs ? other : one))
  const maximum = spellDuration(longest.durationMaxMs)
  const why = `rule "${longest.name}" gives ${maximum} at most`
  return refuse(request, { code: 'forbidden', why, hint: `--for ${maximum}`, rule: longest.name })
}

interface Refusal {
  readonly code: ErrorCode
  readonly why: string
  readonly hint?: string
  readonly rule?: RuleName
}

function refuse(request: AccessRequest, { code, why, hint, rule }: Refusal): AccessDecision {
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
