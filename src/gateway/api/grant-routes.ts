import type { Context, Hono } from 'hono'
import type { GrantView, ReviewView } from '../../domain/api.js'
import type { Grant } from '../../domain/grant.js'
import { HoopError } from '../../lib/hoop-error.js'
import { requestGrant } from '../access/grants.js'
import { revokeGrant } from '../access/revoke-grant.js'
import { ReviewReader } from '../reviews/review-reader.js'
import type { ApiDeps, ApiVariables } from './api.js'
import { grantRequestShape, readBody } from './read-body.js'
import { viewReview } from './review-views.js'
import { viewGrant } from './views.js'

/** Grants listed at once. */
const GRANTS_LISTED_MAX = 200

/** Routes by which grants are asked for, claimed, listed and taken back. */
export function addGrantRoutes(api: Hono<ApiVariables>, deps: ApiDeps): void {
  const reader = new ReviewReader({ store: deps.store, desk: deps.reviews, now: deps.now })
  api.get('/v1/grants', async context => context.json(await listGrants(deps, context)))
  api.post('/v1/grants', async context => {
    const request = await readBody(context, grantRequestShape)
    const asking = askingOf(context)
    const answer = await requestGrant(deps, asking, request)
    if (answer.kind === 'given') return context.json(view(deps, answer.grant), 201)
    const { principal } = asking
    const reading = { ...asking, isAuditor: deps.policies().isAuditor(principal) }
    const url = `${deps.discovery.gateway}/reviews/${answer.review.id}`
    const asked: ReviewView = viewReview(await reader.read(reading, answer.review), url)
    return context.json(asked, 202)
  })
  api.delete('/v1/grants/:id', async context => {
    await revokeGrant(deps, askingOf(context), context.req.param('id'))
    return context.body(null, 204)
  })
}

/** One's own; for auditors who ask for it, everybody's. */
async function listGrants(deps: ApiDeps, context: Context<ApiVariables>): Promise<readonly GrantView[]> {
  const { principal } = context.var
  const all = context.req.query('all')
  if (all === undefined) {
    const own = await deps.store.grants.listFor(principal, GRANTS_LISTED_MAX)
    return own.map(grant => view(deps, grant))
  }
  if (!deps.policies().isAuditor(principal)) {
    throw new HoopError('forbidden', 'Cannot list the grants of everybody: you are in no group of auditors', {
      hint: 'hoop grants list',
    })
  }
  const grants = await deps.store.grants.list(GRANTS_LISTED_MAX)
  return grants.map(grant => ({ ...view(deps, grant), principal: grant.principal.name }))
}

function view(deps: ApiDeps, grant: Grant): GrantView {
  return viewGrant(grant, deps.policies().connection(grant.connection))
}

function askingOf({ var: { principal }, env: { address } }: Context<ApiVariables>) {
  return { principal, address }
}
