import type { ExplainResponse } from '../domain/api.js'
import type { GatewayApi } from './gateway-api.js'

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

/**
 * Asks the gateway what it would do with a statement. The catalog of the target is needed, so this takes a grant like
 * everything that opens one, and gives it back. Fails as the gateway says.
 */
export async function explainStatement(
  api: Pick<GatewayApi, 'requestGrant' | 'explain' | 'revokeGrant'>,
  { connection, statement, role, reason, database, tell }: ExplainOptions,
): Promise<ExplainResponse> {
  const grant = await api.requestGrant({
    connection,
    durationSeconds: GRANT_SECONDS,
    ...(role === undefined ? {} : { role }),
    ...(reason === undefined ? {} : { reason }),
  })
  try {
    return await api.explain(grant.id, { statement, ...(database === undefined ? {} : { database }) })
  } finally {
    // The answer counts, whatever becomes of a grant that is over in a minute.
    await api
      .revokeGrant(grant.id)
      .catch(() => tell(`grant ${grant.id} could not be given back; it ends by itself at ${grant.until}`))
  }
}
