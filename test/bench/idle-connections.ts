import { setTimeout as sleep } from 'node:timers/promises'
import type { Measuring } from './measurement.js'
import { atOnce } from './new-sessions.js'
import { residentBytes } from './process-costs.js'
import { ask } from './raw-client.js'
import { makeRow, type Row } from './row.js'
import { makeSessionClient, type OpenSession, type SessionClient } from './session-client.js'

const SESSIONS = 8
const CONNECTIONS = 1_000
/** A TLS connection carries 256 streams; each session holds one besides its client connections. */
const TLS_CONNECTIONS = 8
const AT_ONCE = 16
const SETTLE_MS = 5_000

/** What a client connection that says nothing costs the gateway in memory. */
export async function idleConnections({ bed, tell }: Measuring): Promise<readonly Row[]> {
  tell(`${CONNECTIONS} idle client connections`)
  await bed.restart()
  const client = await makeSessionClient(bed.stack, TLS_CONNECTIONS)
  const pid = bed.stack.gatewayPid()
  try {
    // What grows once, whatever comes after, is not a connection's.
    const warm = await openMany(client, 200)
    await closeAll(warm)
    await sleep(SETTLE_MS)
    const before = residentBytes(pid)
    const sessions = await openMany(client, CONNECTIONS)
    await sleep(SETTLE_MS)
    const after = residentBytes(pid)
    await closeAll(sessions)
    return [
      makeRow({
        name: `idle client connection, of ${CONNECTIONS} in ${SESSIONS} sessions`,
        unit: 'kB',
        ours: (after - before) / CONNECTIONS / 1000,
        budget: { of: 'ours', bound: 'at most', value: 60 },
        note: `resident memory of the gateway from ${(before / 1e6).toFixed(0)} to ${(after / 1e6).toFixed(0)} MB`,
      }),
    ]
  } finally {
    client.close()
  }
}

async function openMany(client: SessionClient, count: number): Promise<readonly OpenSession[]> {
  const sessions: OpenSession[] = []
  for (let one = 0; one < SESSIONS; one += 1) sessions.push(await client.open('many'))
  let turn = 0
  await atOnce(AT_ONCE, count, async () => {
    turn += 1
    const stream = await sessions[turn % SESSIONS]?.connect()
    if (stream !== undefined) await ask(stream, 'SELECT 1')
  })
  return sessions
}

async function closeAll(sessions: readonly OpenSession[]): Promise<void> {
  for (const session of sessions) await session.close()
}
