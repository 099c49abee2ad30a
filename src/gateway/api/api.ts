import { type Context, Hono } from 'hono'
import type { GatewayDiscovery } from '../../domain/api.js'
import type { Principal } from '../../domain/principal.js'
import type { VerifiedToken } from '../../identity/gateway-tokens.js'
import type { TokenExchangeAnswer } from '../../identity/token-exchange.js'
import { describeError, HoopError } from '../../lib/hoop-error.js'
import { actorOf } from '../../store/actor.js'
import type { Store } from '../../store/store.js'
import type { Log } from '../../tunnel/log.js'
import type { GrantsDeps } from '../access/grants.js'
import type { Policies } from '../access/policies.js'
import type { AgentHub } from '../agents/hub.js'
import { errorBody, errorStatus } from '../error-body.js'
import type { Archive } from '../recordings/archive.js'
import type { StoreReviewDesk } from '../reviews/review-desk.js'
import type { Sessions } from '../session/sessions.js'
import { addExplainRoutes } from './explain-routes.js'
import { addGrantRoutes } from './grant-routes.js'
import { addNotificationRoutes } from './notification-routes.js'
import { agentEnrollmentShape, readBody, sessionRequestShape } from './read-body.js'
import { addReviewRoutes } from './review-routes.js'
import { addSessionRoutes } from './session-routes.js'
import { viewConnection } from './views.js'

export interface ApiDeps extends GrantsDeps {
  readonly discovery: GatewayDiscovery
  readonly store: Store
  readonly policies: () => Policies
  readonly sessions: Sessions
  readonly archive: Archive
  readonly agents: AgentHub
  readonly reviews: StoreReviewDesk
  readonly log: Log
  /** Who a gateway token belongs to; fails with `unauthorized` or `login_expired`. */
  readonly verifyToken: (token: string) => Promise<VerifiedToken>
  /** RFC 8693: the form of a token request to its answer. */
  readonly exchange: (form: URLSearchParams) => Promise<TokenExchangeAnswer>
  readonly enrollAgent: (request: {
    readonly name: string
    readonly token: string
    readonly publicKey: string
  }) => Promise<void>
}

/** What every handler knows of its request. */
export interface ApiVariables {
  Variables: { principal: Principal; tokenExpiresAt: Date }
  Bindings: { address: string }
}

/** The gateway's HTTP API. Every route under `/v1` but the token and enrolment ones demands a gateway token. */
export function makeApi(deps: ApiDeps): Hono<ApiVariables> {
  const api = new Hono<ApiVariables>()
  api.onError((error, context) => answerFailure(error, context, deps.log))
  api.notFound(context =>
    context.json(
      errorBody(new HoopError('not_found', 'Cannot answer: there is nothing at this address')),
      404,
    ),
  )
  api.use(async (context, next) => {
    await next()
    context.header('cache-control', 'no-store')
    context.header('x-content-type-options', 'nosniff')
  })
  api.get('/healthz', context => context.json({ status: 'ok' }))
  api.get('/.well-known/hoop', context => context.json(deps.discovery))
  api.post('/v1/token', async context => {
    const answer = await deps.exchange(new URLSearchParams(await context.req.text()))
    await auditExchange(deps, answer, context.env.address)
    return Response.json(answer.body, { status: answer.status })
  })
  api.post('/v1/agents/enroll', async context => {
    await auditEnrollment(deps, await readBody(context, agentEnrollmentShape), context.env.address)
    return context.body(null, 204)
  })
  api.use('/v1/*', async (context, next) => {
    const { issuedAt, expiresAt, ...principal } = await deps.verifyToken(bearer(context))
    deps.sessions.claims.note(principal, issuedAt)
    context.set('principal', principal)
    context.set('tokenExpiresAt', expiresAt)
    await next()
  })
  addAccessRoutes(api, deps)
  addGrantRoutes(api, deps)
  addExplainRoutes(api, deps)
  addReviewRoutes(api, deps)
  addSessionRoutes(api, deps)
  addNotificationRoutes(api, deps)
  return api
}

function addAccessRoutes(api: Hono<ApiVariables>, deps: ApiDeps): void {
  api.get('/v1/me', context => {
    const { issuer, subject, name, groups } = context.var.principal
    return context.json({
      issuer,
      subject,
      name,
      groups,
      tokenExpiresAt: context.var.tokenExpiresAt.toISOString(),
    })
  })
  api.get('/v1/connections', context => {
    const policies = deps.policies()
    const { principal } = context.var
    const views = policies
      .visibleConnections(principal)
      .map(connection =>
        viewConnection(connection, policies.visibleRoles(principal, connection), deps.agents),
      )
    return context.json(views)
  })
  api.post('/v1/sessions', async context => {
    const request = await readBody(context, sessionRequestShape)
    const opened = await deps.sessions.open(context.var.principal, request, context.env.address)
    return context.json(opened, 201)
  })
}

function bearer(context: Context): string {
  const token = /^Bearer ([\w.~+/=-]+)$/.exec(context.req.header('authorization') ?? '')?.[1]
  if (token === undefined) {
    throw new HoopError('unauthorized', 'Cannot answer: the request carries no access token', {
      hint: 'hoop login',
    })
  }
  return token
}

function answerFailure(error: unknown, context: Context, log: Log): Response {
  const body = errorBody(error)
  const status = errorStatus(error)
  const fields = {
    request: body.error.request,
    path: context.req.path,
    code: body.error.code,
    cause: describeError(error),
  }
  if (status >= 500) log.error(fields, 'a request failed')
  else log.debug(fields, 'a request was refused')
  return Response.json(body, { status })
}

/** INVARIANT 12: who signed in, and who tried. */
async function auditExchange(deps: ApiDeps, answer: TokenExchangeAnswer, address: string): Promise<void> {
  const at = deps.now()
  if (answer.kind === 'refused') {
    const detail = { why: answer.body.error_description }
    if (answer.cause !== undefined)
      deps.log.warn({ cause: describeError(answer.cause) }, 'a token exchange failed')
    return deps.store.audit.append({
      at,
      actor: { kind: 'unknown' },
      action: 'token.refused',
      address,
      detail,
    })
  }
  await deps.store.principals.remember(answer.principal, at)
  deps.sessions.claims.note(answer.principal, at)
  await deps.store.audit.append({ at, actor: actorOf(answer.principal), action: 'token.issued', address })
}

/** INVARIANT 12: which agent is trusted from now on, and who tried to be one. Never the token. */
async function auditEnrollment(
  deps: ApiDeps,
  request: Parameters<ApiDeps['enrollAgent']>[0],
  address: string,
): Promise<void> {
  const audit = (action: string, detail?: { readonly why: string }) =>
    deps.store.audit.append({
      at: deps.now(),
      actor: { kind: 'unknown' },
      action,
      subject: request.name,
      address,
      detail,
    })
  try {
    await deps.enrollAgent(request)
  } catch (error) {
    if (error instanceof HoopError) await audit('agent.refused', { why: error.message })
    throw error
  }
  await audit('agent.enrolled')
}
