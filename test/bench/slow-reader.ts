import { setTimeout as sleep } from 'node:timers/promises'
import type { Measuring } from './measurement.js'
import { residentBytes, watchMemory } from './process-costs.js'
import { ask, openSocket, signIn } from './raw-client.js'
import { makeRow, type Row } from './row.js'

const MEBIBYTE = 1024 * 1024
/** The reader takes this much, then rests: slower than the target can send. */
const GULP_BYTES = 4 * MEBIBYTE
const REST_MS = 60
/** First it takes nothing at all for a while, so that every buffer on the way fills. */
const FIRST_REST_MS = 2_000

/** Memory of the gateway and the CLI while a reader takes a large result slowly. */
export async function slowReader({ bed, quick, tell }: Measuring): Promise<readonly Row[]> {
  const rows = quick ? 1_000_000 : 10_000_000
  const statement = (count: number): string =>
    `SELECT g, 'row number ' || g, repeat('x', 60) FROM generate_series(1, ${count}) g`
  tell(`${rows / 1e6} M rows to a slow reader`)
  await bed.restart()
  const { profile, child } = await bed.hoop('plain')
  const socket = await openSocket(profile)
  try {
    await signIn(socket, profile)
    await ask(socket, statement(100_000))
    await sleep(1_000)
    const pids = { gateway: bed.stack.gatewayPid(), 'hoop connect': child.pid ?? 0 }
    const watched = Object.entries(pids).map(([name, pid]) => {
      const before = residentBytes(pid)
      return { name, before, ...watchMemory(pid) }
    })
    await ask(socket, statement(rows), makePauses())
    return watched.map(({ name, before, stop }) =>
      makeRow({
        name: `growth of memory of ${name}, ${rows / 1e6} M rows to a slow reader`,
        unit: 'MiB',
        ours: (stop() - before) / MEBIBYTE,
        budget: { of: 'ours', bound: 'at most', value: 64 },
        note: `from ${(before / MEBIBYTE).toFixed(0)} MiB`,
      }),
    )
  } finally {
    socket.destroy()
  }
}

function makePauses(): (bytes: number) => Promise<void> {
  let next = 0
  return async bytes => {
    if (bytes < next) return
    await sleep(next === 0 ? FIRST_REST_MS : REST_MS)
    next = bytes + GULP_BYTES
  }
}
