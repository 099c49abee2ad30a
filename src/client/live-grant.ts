import type { GrantView } from '../domain/api.js'
import { HoopError } from '../lib/hoop-error.js'
import type { SteadyGateway } from './steady-gateway.js'

/** True while a grant can still open a session, by this machine's clock; the gateway has the last word. */
export function isLive({ until, revokedAt }: GrantView): boolean {
  return revokedAt === undefined && new Date(until).getTime() > Date.now()
}

/** One's own grant by its name. Fails with `not_found`, `grant_ended`, or `usage` when it is for another connection. */
export async function findLiveGrant(
  gateway: Pick<SteadyGateway, 'once'>,
  { connection, id }: { readonly connection: string; readonly id: string },
): Promise<GrantView> {
  const grants = await gateway.once(({ grants: api }) => api.grants())
  const grant = grants.find(one => one.id === id)
  const what = `Cannot use grant "${id}"`
  const hint = 'hoop grants list'
  if (grant === undefined)
    throw new HoopError('not_found', `${what}: you have no grant of that name`, { hint })
  if (grant.connection !== connection) {
    throw new HoopError('usage', `${what}: it is for connection "${grant.connection}"`, { hint })
  }
  if (!isLive(grant)) throw new HoopError('grant_ended', `${what}: it has ended`, { hint })
  return grant
}
