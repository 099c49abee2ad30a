import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import type { Measuring } from './measurement.js'
import { cpuSeconds } from './process-costs.js'
import { ask } from './raw-client.js'
import { median } from './rounds.js'
import { makeRow, type Row } from './row.js'
import { makeSessionClient, type OpenSession, type SessionClient } from './session-client.js'

const TLS_CONNECTIONS = 4
/** Sessions of one batch, and how many of them are being opened at the same time. */
const BATCH = 200
const AT_ONCE = 16

/** Grant, session, its control stream, a client connection, its login, the first row: how many a second. */
export async function newSessions({ bed, quick, tell }: Measuring): Promise<readonly Row[]> {
  tell('new sessions')
  const client = await makeSessionClient(bed.stack, TLS_CONNECTIONS)
  const pid = bed.stack.gatewayPid()
  try {
    await runBatch(client, pid)
    const batches: Batch[] = []
    for (let batch = 0; batch < (quick ? 2 : 7); batch += 1) batches.push(await runBatch(client, pid))
    const closing = median(batches.map(batch => batch.closingCpuMs))
    return [
      makeRow({
        name: 'new sessions, by processor time of the gateway',
        unit: '/s',
        ours: median(batches.map(batch => BATCH / batch.openingCpuSeconds)),
        budget: { of: 'ours', bound: 'at least', value: 200 },
        note: `${closing.toFixed(2)} ms of processor time more to end a session and give its grant back`,
      }),
      makeRow({
        name: 'new sessions, by the clock, client and target on the same cores',
        unit: '/s',
        ours: median(batches.map(batch => BATCH / batch.openingSeconds)),
      }),
    ]
  } finally {
    client.close()
  }
}

interface Batch {
  readonly openingSeconds: number
  readonly openingCpuSeconds: number
  readonly closingCpuMs: number
}

async function runBatch(client: SessionClient, pid: number): Promise<Batch> {
  const open: { session: OpenSession; stream: Duplex }[] = []
  const started = performance.now()
  const cpuBefore = cpuSeconds(pid)
  await atOnce(AT_ONCE, BATCH, async () => {
    const session = await client.open('plain')
    const stream = await session.connect()
    await ask(stream, 'SELECT 1')
    open.push({ session, stream })
  })
  const openingSeconds = (performance.now() - started) / 1000
  const cpuOpened = cpuSeconds(pid)
  await atOnce(AT_ONCE, BATCH, async () => {
    const one = open.pop()
    one?.stream.destroy()
    await one?.session.close()
  })
  const closingCpuMs = ((cpuSeconds(pid) - cpuOpened) / BATCH) * 1000
  return { openingSeconds, openingCpuSeconds: cpuOpened - cpuBefore, closingCpuMs }
}

/** Does something so many times, some of them at the same time. */
export async function atOnce(width: number, times: number, work: () => Promise<void>): Promise<void> {
  let left = times
  const line = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await work()
    }
  }
  await Promise.all(Array.from({ length: width }, line))
}
