import { Readable } from 'node:stream'
import type { Hono } from 'hono'
import { type ConnectionName, readConnectionName } from '../../domain/names.js'
import { isSamePrincipal } from '../../domain/principal.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { StoredSession } from '../../store/sessions.js'
import type { ApiDeps, ApiVariables } from './api.js'
import { findReadable, readRecording, unknownSession } from './read-recording.js'
import { viewSession } from './views.js'

const SESSIONS_LISTED_DEFAULT = 50
const SESSIONS_LISTED_MAX = 500

/** Routes that read sessions and end them: one's own, and every one for auditors. Each read of a recording is audited. */
export function addSessionRoutes(api: Hono<ApiVariables>, deps: ApiDeps): void {
  api.get('/v1/sessions', async context => {
    const { principal } = context.var
    const limit = readLimit(context.req.query('limit'))
    const connection = readConnection(context.req.query('connection'))
    const everyone = deps.policies().isAuditor(principal) && context.req.query('mine') === undefined
    const sessions = await deps.store.sessions.list({
      limit,
      ...(everyone ? {} : { principal }),
      ...(connection === undefined ? {} : { connection }),
    })
    return context.json(sessions.map(session => viewSession(withLiveCounts(session, deps))))
  })
  api.get('/v1/sessions/:id', async context => {
    const session = await findReadable(deps, context.var.principal, context.req.param('id'))
    return context.json(viewSession(withLiveCounts(session, deps)))
  })
  api.get('/v1/sessions/:id/recording', async context => {
    const reading = { principal: context.var.principal, address: context.env.address }
    const recording = await readRecording(deps, reading, context.req.param('id'))
    return new Response(Readable.toWeb(recording) as ReadableStream, {
      headers: { 'content-type': 'application/x-ndjson' },
    })
  })
  api.delete('/v1/sessions/:id', async context => {
    const { principal } = context.var
    const session = await findReadable(deps, principal, context.req.param('id'))
    // Only its owner closes a session here: an auditor reads.
    if (!isSamePrincipal(session.principal, principal)) throw unknownSession(session.id)
    deps.sessions.find(session.id)?.end('client_closed')
    return context.body(null, 204)
  })
}

function withLiveCounts(session: StoredSession, deps: ApiDeps): StoredSession {
  const live = deps.sessions.find(session.id)
  return live === undefined ? session : { ...session, operations: live.operations, refused: live.refused }
}

/** A filter that cannot be read must not become a list of everything. */
function readConnection(text: string | undefined): ConnectionName | undefined {
  const connection = text === undefined ? undefined : readConnectionName(text)
  if (text === undefined || connection !== undefined) return connection
  throw new HoopError(
    'usage',
    `Cannot list sessions on "${text}": that is not the form of a connection's name`,
  )
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return SESSIONS_LISTED_DEFAULT
  const limit = Number(text)
  if (Number.isSafeInteger(limit) && limit > 0 && limit <= SESSIONS_LISTED_MAX) return limit
  throw new HoopError(
    'usage',
    `Cannot list "${text}" sessions: the limit is from 1 to ${SESSIONS_LISTED_MAX}`,
  )
}
