import type { GrantRequest } from '../../domain/api.js'
import type { Connection } from '../../domain/connection.js'
import type { Grant } from '../../domain/grant.js'
import { type RuleName, readRoleName } from '../../domain/names.js'
import type { Principal } from '../../domain/principal.js'
import type { Review } from '../../domain/review.js'
import { HoopError } from '../../lib/hoop-error.js'
import { nearestName } from '../../lib/nearest-name.js'
import { unreachable } from '../../lib/unreachable.js'
import { decideAccess } from '../../policy/access.js'
import type { AccessRefusal } from '../../policy/access-refusal.js'
import { actorOf } from '../../store/actor.js'
import type { AuditEntry } from '../../store/audit.js'
import type { Store } from '../../store/store.js'
import type { ReviewDesk } from '../reviews/desk.js'
import type { StoreReviewDesk } from '../reviews/review-desk.js'
import { breakGlass } from './break-glass.js'
import {
  claimOrAsk,
  findApproved,
  findNamedReview,
  type GrantReview,
  readReason,
  refuseEnded,
} from './claim-grant.js'
import { giveGrant } from './give-grant.js'
import type { Policies } from './policies.js'

export interface GrantsDeps {
  readonly store: Store
  readonly policies: () => Policies
  readonly now: () => Date
  /** Where people are asked about a grant. */
  readonly reviews: ReviewDesk & Pick<StoreReviewDesk, 'seen'>
  /** Ends what a revoked grant had opened. */
  readonly endSessions: (grant: Grant) => void
}

/** Who asks, and from where. */
export interface Asking {
  readonly principal: Principal
  readonly address: string
}

/** What becomes of a request that is not refused. */
export type GrantAnswer =
  | { readonly kind: 'given'; readonly grant: Grant }
  /** People have to agree first. */
  | { readonly kind: 'asked'; readonly review: Review }

/**
 * Asks the access rules for a grant, and people where the rules say so. Fails with `not_found`, `forbidden`, `usage`,
 * `conflict` or `limit_exceeded`. INVARIANT 12: every answer is in the audit log.
 */
export async function requestGrant(
  deps: GrantsDeps,
  asking: Asking,
  request: GrantRequest,
): Promise<GrantAnswer> {
  const audit = (action: string, more: Pick<AuditEntry, 'subject' | 'rule' | 'detail'>) => {
    const { principal, address } = asking
    return deps.store.audit.append({ at: deps.now(), actor: actorOf(principal), action, address, ...more })
  }
  try {
    const answer = await answerRequest(deps, asking, request)
    // A question that waits already is joined without a word of the desk's.
    if (answer.kind === 'asked') {
      const { id, demands } = answer.review
      const detail = { connection: request.connection }
      await audit('grant.pending', { subject: id, rule: demands[0]?.rule, detail })
    }
    return answer
  } catch (error) {
    // A store that is gone has decided nothing, and takes no entry either.
    if (error instanceof HoopError && error.code !== 'store_unavailable') {
      const rule = error instanceof RefusedByRule ? error.rule : undefined
      await audit('grant.refused', { subject: request.connection, rule, detail: { why: error.message } })
    }
    throw error
  }
}

/** A refusal that knows its rule, for the audit log. */
class RefusedByRule extends HoopError {
  constructor(
    { code, message, hint }: AccessRefusal,
    readonly rule: RuleName | undefined,
  ) {
    super(code, message, hint === undefined ? {} : { hint })
  }
}

async function answerRequest(deps: GrantsDeps, asking: Asking, request: GrantRequest): Promise<GrantAnswer> {
  const policies = deps.policies()
  const connection = findConnection(policies, asking.principal, request)
  const review = await findReview(deps, asking, request)
  const reason = review?.reason ?? readReason(request.reason)
  const durationMs =
    review?.subject.durationMs ??
    (request.durationSeconds === undefined ? undefined : request.durationSeconds * 1000)
  const { principal } = asking
  const { breakGlass: isGlass = false } = request
  const role = review?.subject.role ?? readRole(request.role)
  const wanted = { principal, connection, role, reason, durationMs, breakGlass: isGlass }
  const decision = decideAccess(policies.accessRules, wanted, deps.now())
  switch (decision.kind) {
    case 'refused':
      throw new RefusedByRule(decision, decision.rule)
    case 'granted': {
      if (isGlass) return breakGlass(deps, asking, { decision, connection: connection.name, reason })
      const given = { ...decision, connection: connection.name, reason }
      return { kind: 'given', grant: await giveGrant(deps, asking, given) }
    }
    case 'needs-approval':
      return claimOrAsk(deps, asking, { decision, review, reason, connection: connection.name })
    default:
      return unreachable(decision)
  }
}

/** The review that the request names, or one that is approved already. Who breaks the glass asks nobody. */
async function findReview(
  deps: GrantsDeps,
  asking: Asking,
  request: GrantRequest,
): Promise<GrantReview | undefined> {
  const { review, breakGlass: isGlass = false } = request
  if (review !== undefined && isGlass) {
    throw new HoopError('usage', 'Cannot break the glass with a review: it is one or the other')
  }
  if (isGlass) return undefined
  if (review !== undefined) {
    const named = await findNamedReview(deps, asking, request)
    const ended = refuseEnded(named)
    if (ended !== undefined) throw ended
    return named
  }
  const asksPeople = deps.policies().accessRules.some(rule => rule.approval !== undefined)
  return asksPeople ? findApproved(deps, asking, request) : undefined
}

function findConnection(policies: Policies, principal: Principal, request: GrantRequest): Connection {
  const open = policies.visibleConnections(principal)
  const glass =
    request.breakGlass === true ? policies.visibleConnections(principal, { breakGlass: true }) : []
  const visible = [...open, ...glass]
  const connection = visible.find(one => one.name === request.connection)
  if (connection !== undefined) return connection
  throw unknownConnection(
    request.connection,
    visible.map(one => one.name),
  )
}

function readRole(text: string | undefined): ReturnType<typeof readRoleName> {
  if (text === undefined) return undefined
  const role = readRoleName(text)
  if (role === undefined)
    throw new HoopError('usage', `Cannot ask for role "${text}": that is not the form of a role's name`)
  return role
}

/** Names only what this principal may see: the answer is the same for a connection that is hidden and for none. */
function unknownConnection(name: string, known: readonly string[]): HoopError {
  const nearest = nearestName(name, known)
  return new HoopError('not_found', `Cannot open "${name}": you have no connection of that name`, {
    hint: nearest === undefined ? 'hoop connections' : `hoop connect ${nearest}`,
  })
}
