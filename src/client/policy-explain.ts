import type { ExplainResponse, GrantView } from '../domain/api.js'
import { HoopError } from '../lib/hoop-error.js'
import type { GatewayApi } from './gateway-api.js'
import { isLive } from './live-grant.js'
import type { ReviewsApi } from './reviews-api.js'

/** The grant is given back at once; should this command be killed, it ends by itself after this long. */
const GRANT_SECONDS = 60

/** What to ask the gateway about. */
export interface ExplainOptions {
  readonly connection: string
  readonly statement: string
  readonly role?: string | undefined
  readonly reason?: string | undefined
  readonly database?: string | undefined
  /** One line for the person. */
  readonly tell: (message: string) => void
}

/** The parts of the API it takes. */
export interface ExplainApis {
  readonly grants: Pick<GatewayApi, 'requestGrant' | 'explain' | 'revokeGrant' | 'grants'>
  readonly reviews: Pick<ReviewsApi, 'withdraw'>
}

/**
 * Asks the gateway what it would do with a statement. The catalog of the target is needed, so this takes a grant like
 * everything that opens one, and gives it back; where a grant takes people, one that was given before is used. Fails as
 * the gateway says, and with `approval_pending`.
 */
export async function explainStatement(
  { grants: api, reviews }: ExplainApis,
  options: ExplainOptions,
): Promise<ExplainResponse> {
  const { connection, statement, role, reason, database, tell } = options
  const request = { statement, ...(database === undefined ? {} : { database }) }
  const answer = await api.requestGrant({
    connection,
    durationSeconds: GRANT_SECONDS,
    ...(role === undefined ? {} : { role }),
    ...(reason === undefined ? {} : { reason }),
  })
  if (answer.kind === 'asked') {
    // Nobody is to be asked for a look.
    await reviews.withdraw(answer.review.id)
    const { role: asked } = answer.review.subject
    return api.explain(liveGrantFor(await api.grants(), { connection, role: asked }), request)
  }
  const { grant } = answer
  try {
    return await api.explain(grant.id, request)
  } finally {
    // The answer counts, whatever becomes of a grant that is over in a minute.
    await api
      .revokeGrant(grant.id)
      .catch(() => tell(`grant ${grant.id} could not be given back; it ends by itself at ${grant.until}`))
  }
}

function liveGrantFor(
  grants: readonly GrantView[],
  { connection, role }: { readonly connection: string; readonly role: string },
): string {
  const live = grants.find(one => one.connection === connection && one.role === role && isLive(one))
  if (live !== undefined) return live.id
  throw new HoopError(
    'approval_pending',
    `Cannot explain a statement on "${connection}": a grant as "${role}" takes approval, and you have none now`,
    { hint: `hoop grants request ${connection} --role ${role} --wait` },
  )
}
