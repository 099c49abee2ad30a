import type { ApprovalTerms } from '../domain/approval.js'
import { compileGlob } from '../domain/glob.js'
import type { ConnectionName, RoleName, RuleName } from '../domain/names.js'
import type { Principal } from '../domain/principal.js'
import { openUntil, type TimeWindow } from './time-window.js'

/** In the groups of a rule: everyone who can sign in. */
const EVERYONE = '*'

/** Who may ask for what, and for how long. Rules add up: the first that fits in the order of the file decides. */
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
  /** People agree first, on these terms; where the glass is broken, they look at it afterwards. */
  readonly approval?: ApprovalTerms
  /** When it gives grants, none of which lasts beyond; absent: always. */
  readonly during?: readonly TimeWindow[]
  /** A right of its own, for emergencies: considered only for who asks to break the glass. */
  readonly breakGlass?: boolean
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
  /** Uses the right to break the glass, and no other. */
  readonly breakGlass?: boolean
}

/** Who asks for which connection. */
export type Who = Pick<AccessRequest, 'principal' | 'connection'>

/** True for the rules that are there for this kind of request: those that break the glass, or the others. */
export function isFor(rule: AccessRule, { breakGlass }: Pick<AccessRequest, 'breakGlass'>): boolean {
  return (rule.breakGlass === true) === (breakGlass === true)
}

/** True when the rule is about this person and this connection. */
export function isOpenTo(rule: AccessRule, { principal, connection }: Who): boolean {
  const isMember = rule.groups.some(group => group === EVERYONE || principal.groups.includes(group))
  return isMember && matchesAny(rule.connections, connection.name)
}

/** True when the rule is about this role. */
export function coversRole(rule: AccessRule, role: RoleName): boolean {
  return matchesAny(rule.roles, role)
}

/** The roles of a connection that any of the rules opens, in the order of the connection. */
export function openRoles(rules: readonly AccessRule[], who: Who): readonly RoleName[] {
  const open = rules.filter(rule => isOpenTo(rule, who))
  return who.connection.roles.map(role => role.name).filter(role => open.some(rule => coversRole(rule, role)))
}

/** True when the duration is not longer than the rule gives. */
export function isWithin(rule: AccessRule, { durationMs }: Pick<AccessRequest, 'durationMs'>): boolean {
  return durationMs === undefined || durationMs <= rule.durationMaxMs
}

/** True when the rule, or the people it asks, get the reason they want. Who breaks the glass always gives one. */
export function hasReason(rule: AccessRule, { reason }: Pick<AccessRequest, 'reason'>): boolean {
  const isDemanded = rule.reasonRequired || rule.approval?.reasonRequired === true || rule.breakGlass === true
  return !isDemanded || (reason ?? '').trim() !== ''
}

/** Until when the rule gives what lasts to `limit` at most; undefined while it gives nothing. */
export function givesUntil({ during }: AccessRule, now: Date, limit: Date): Date | undefined {
  return during === undefined ? limit : openUntil(during, now, limit)
}

function matchesAny(globs: readonly string[], name: string): boolean {
  return globs.some(glob => compileGlob(glob)(name))
}
