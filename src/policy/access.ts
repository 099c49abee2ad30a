import type { ApprovalDemand } from '../domain/decision.js'
import type { RoleName, RuleName } from '../domain/names.js'
import type { Principal } from '../domain/principal.js'
import { type AccessRefusal, refuseMalformed, refuseRole, refuseTerms } from './access-refusal.js'
import {
  type AccessRequest,
  type AccessRule,
  type AccessTarget,
  coversRole,
  givesUntil,
  hasReason,
  isFor,
  isOpenTo,
  isWithin,
  openRoles,
} from './access-rule.js'

export type { AccessRequest, AccessRule, AccessTarget } from './access-rule.js'

/** How long a grant lasts when nobody says: an hour, or the rule's maximum where that is less. */
const DURATION_DEFAULT_MS = 3_600_000

/** What of an answer is the same whether people have to agree or not. */
interface Given {
  readonly rule: RuleName
  readonly role: RoleName
  readonly durationMs: number
  /** The end of a grant that is given now: a window that closes is earlier than the duration. */
  readonly until: Date
}

export type AccessDecision =
  | (Given & {
      readonly kind: 'granted'
      /** The glass is broken: who looks at it afterwards. */
      readonly afterwards?: ApprovalDemand
    })
  /** Given once people have agreed: `until` is counted anew then. */
  | (Given & { readonly kind: 'needs-approval'; readonly demand: ApprovalDemand })
  | AccessRefusal

/**
 * Decides a request for a grant. Rules that fit the person, the connection and the role are tried in the order of the
 * file; the first that is open now, and whose maximum and whose demand for a reason are met, decides: it gives the grant or asks
 * people, also where a rule behind it would ask nobody. A duration above every maximum is refused, not shortened: nobody
 * plans on time they do not have. Rules that break the glass are for requests that say so, and for no other.
 */
export function decideAccess(all: readonly AccessRule[], request: AccessRequest, now: Date): AccessDecision {
  const malformed = refuseMalformed(request)
  if (malformed !== undefined) return malformed
  const rules = all.filter(rule => isFor(rule, request))
  const roles = openRoles(rules, request)
  const role = request.role === undefined ? roles[0] : roles.find(one => one === request.role)
  if (role === undefined) return refuseRole(request, roles)
  const fitting = rules.filter(rule => isOpenTo(rule, request) && coversRole(rule, role))
  for (const rule of fitting) {
    if (!isWithin(rule, request) || !hasReason(rule, request)) continue
    const durationMs = request.durationMs ?? Math.min(rule.durationMaxMs, DURATION_DEFAULT_MS)
    const until = givesUntil(rule, now, new Date(now.getTime() + durationMs))
    if (until !== undefined) return give(rule, { rule: rule.name, role, durationMs, until })
  }
  return refuseTerms(request, fitting, now)
}

function give(rule: AccessRule, given: Given): AccessDecision {
  const { approval: terms, breakGlass = false } = rule
  if (terms === undefined) return { kind: 'granted', ...given }
  const demand: ApprovalDemand = { rule: rule.name, message: undefined, terms }
  return breakGlass
    ? { kind: 'granted', ...given, afterwards: demand }
    : { kind: 'needs-approval', ...given, demand }
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
