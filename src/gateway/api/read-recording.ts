import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { readSessionId } from '../../domain/ids.js'
import { isSamePrincipal, type Principal } from '../../domain/principal.js'
import { describeError, HoopError } from '../../lib/hoop-error.js'
import { actorOf } from '../../store/actor.js'
import type { StoredSession } from '../../store/sessions.js'
import type { StreamRequest } from '../../tunnel/stream-request.js'
import { errorBody, errorStatus } from '../error-body.js'
import type { ApiDeps } from './api.js'

/** Who reads, and from where. */
export interface Reading {
  readonly principal: Principal
  readonly address: string
}

/**
 * Finds a session that this principal may read: one's own, or any for an auditor.
 * INVARIANT: who may not read a session learns nothing of it, not even that it is there.
 */
export async function findReadable(
  deps: ApiDeps,
  principal: Principal,
  text: string,
): Promise<StoredSession> {
  const id = readSessionId(text)
  const session = id === undefined ? undefined : await deps.store.sessions.find(id)
  if (session === undefined) throw unknownSession(text)
  if (isSamePrincipal(session.principal, principal) || deps.policies().isAuditor(principal)) return session
  throw unknownSession(text)
}

/** Says the same of a session that is not there and of one that is somebody else's. */
export function unknownSession(id: string): HoopError {
  return new HoopError(
    'not_found',
    `Cannot read session "${id}": there is none of that name that you may see`,
    {
      hint: 'hoop sessions list',
    },
  )
}

/** The bytes of a recording. INVARIANT 12: that it was read is in the audit log before the first of them. */
export async function readRecording(
  deps: ApiDeps,
  { principal, address }: Reading,
  id: string,
): Promise<Readable> {
  const session = await findReadable(deps, principal, id)
  const entry = {
    at: deps.now(),
    actor: actorOf(principal),
    action: 'recording.read',
    subject: session.id,
    address,
  }
  await deps.store.audit.append(entry)
  return deps.archive.open(session.id)
}

/** The same over a stream, for recordings of any size; true when the request was one for a recording. */
export function streamRecording(deps: ApiDeps, request: StreamRequest): boolean {
  const id = /^\/v1\/sessions\/([^/]+)\/recording$/.exec(request.path)?.[1]
  if (id === undefined) return false
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const { address } = request
  deps
    .verifyToken(token)
    .then(principal => readRecording(deps, { principal, address }, id))
    .then(
      recording => {
        const stream = request.accept()
        stream.resume()
        return pipeline(recording, stream).catch(() => {})
      },
      error => {
        const body = errorBody(error)
        deps.log.warn(
          { request: body.error.request, cause: describeError(error) },
          'a recording was not given',
        )
        request.refuse(errorStatus(error), body)
      },
    )
  return true
}
