import type { Bed } from './bed.js'
import type { Measuring } from './measurement.js'
import { type QueryMode, selectsPerSecond } from './pgbench.js'
import { cpuSeconds } from './process-costs.js'
import { type Compared, compare } from './rounds.js'
import { makeRow, type Row } from './row.js'

/** The CLI and the gateway are two hops; an agent is a third. */
const HOPS = 2
const MODES: readonly QueryMode[] = ['simple', 'extended', 'prepared']

/** One client, against as many bare TCP relays as Hoop has hops. */
export async function pointSelects({ bed, quick, tell }: Measuring): Promise<readonly Row[]> {
  await bed.accounts()
  const { profile: ours } = await bed.hoop('plain')
  const peer = await bed.relayed(HOPS)
  const rows: Row[] = []
  for (const mode of MODES) {
    tell(`point select, ${mode}, against ${HOPS} bare TCP relays`)
    const load = { mode, clients: 1, seconds: quick ? 1 : 3 }
    const costs = countCpu(bed)
    const found = await compare(quick ? 2 : 5, {
      ours: () => costs.of(() => selectsPerSecond(ours, load), load.seconds),
      peer: () => selectsPerSecond(peer, load),
    })
    rows.push(selectRow(`point select, 1 client, ${mode}, 2 bare relays`, found, 0.6, costs.note()))
  }
  return rows
}

/** Eight clients, against pgbouncer. */
export async function pointSelectsPooled({ bed, quick, tell }: Measuring): Promise<readonly Row[]> {
  await bed.accounts()
  const peer = await bed.pooled()
  if (peer === undefined) return skipped(tell, 'point select, 8 clients')
  tell('point select, 8 clients, against pgbouncer')
  const { profile: ours } = await bed.hoop('plain')
  const rows: Row[] = []
  for (const mode of MODES) {
    const load = { mode, clients: 8, seconds: quick ? 1 : 3 }
    const costs = countCpu(bed)
    const found = await compare(quick ? 2 : 5, {
      ours: () => costs.of(() => selectsPerSecond(ours, load), load.seconds),
      peer: () => selectsPerSecond(peer, load),
    })
    rows.push(selectRow(`point select, 8 clients, ${mode}, pgbouncer`, found, 0.35, costs.note()))
  }
  return rows
}

/** With an agent between the gateway and the target: one hop more, and a second TLS connection. */
export async function pointSelectsThroughAgent({ bed, quick, tell }: Measuring): Promise<readonly Row[]> {
  await bed.accounts()
  tell('point select through an agent, against 3 bare TCP relays')
  const { profile: ours } = await bed.hoop('through-agent')
  const peer = await bed.relayed(HOPS + 1)
  const load = { mode: 'prepared', clients: 1, seconds: quick ? 1 : 3 } as const
  const found = await compare(quick ? 2 : 5, {
    ours: () => selectsPerSecond(ours, load),
    peer: () => selectsPerSecond(peer, load),
  })
  return [selectRow('point select, 1 client, prepared, through an agent, 3 bare relays', found)]
}

/** Says that a row is left out for want of its peer. */
export function skipped(tell: (message: string) => void, what: string): readonly Row[] {
  tell(`skipped: ${what}: pgbouncer is not installed (Debian package "pgbouncer")`)
  return []
}

function selectRow(name: string, { ours, peer, ratio }: Compared, budget?: number, note?: string): Row {
  return makeRow({
    name,
    unit: 'tps',
    ours,
    peer,
    ratio,
    ...(budget === undefined ? {} : { budget: { of: 'ratio', bound: 'at least', value: budget } }),
    ...(note === undefined ? {} : { note }),
  })
}

/** Processor time of the gateway for each transaction of ours. */
function countCpu(bed: Bed) {
  let seconds = 0
  let transactions = 0
  return {
    of: async (measure: () => Promise<number>, lengthSeconds: number): Promise<number> => {
      const before = cpuSeconds(bed.stack.gatewayPid())
      const perSecond = await measure()
      seconds += cpuSeconds(bed.stack.gatewayPid()) - before
      transactions += perSecond * lengthSeconds
      return perSecond
    },
    note: () => `${((seconds / transactions) * 1e6).toFixed(0)} us of the gateway's processor time each`,
  }
}
