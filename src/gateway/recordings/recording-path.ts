import { basename, join } from 'node:path'
import { readSessionId, type SessionId } from '../../domain/ids.js'

const EXTENSION = '.hoop.jsonl'

/** Random digits of the identifier that name the folder: 1024 folders, so that none gets too large to list. */
const SHARD = { from: 2, to: 4 } as const

/** Where the recording of a session is: `<directory>/7f/s-7f….hoop.jsonl`, found by the identifier alone. */
export function recordingPath(directory: string, session: SessionId): string {
  return join(directory, shardOf(session), `${session}${EXTENSION}`)
}

/** The session whose recording a file is; undefined for every other file, also for one in the wrong folder. */
export function sessionOfPath(path: string): SessionId | undefined {
  const name = basename(path)
  const session = name.endsWith(EXTENSION) ? readSessionId(name.slice(0, -EXTENSION.length)) : undefined
  return session !== undefined && basename(join(path, '..')) === shardOf(session) ? session : undefined
}

function shardOf(session: SessionId): string {
  return session.slice(SHARD.from, SHARD.to)
}
