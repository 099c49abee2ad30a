import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Measuring } from './measurement.js'
import { scriptMilliseconds } from './pgbench.js'
import { skipped } from './point-selects.js'
import { cpuSeconds } from './process-costs.js'
import { compareTimes } from './rounds.js'
import { makeRow, type Row } from './row.js'

const ROWS = 1_000_000

interface Result {
  readonly name: string
  readonly connection: 'plain' | 'masked'
  readonly statement: string
  readonly budget: number
}

/** All of pgbench_accounts, with nothing to mask. */
export async function plainResult(measuring: Measuring): Promise<readonly Row[]> {
  await measuring.bed.accounts()
  return largeResult(measuring, {
    name: '1 M rows, nothing masked, pgbouncer',
    connection: 'plain',
    statement: 'SELECT * FROM pgbench_accounts;\n',
    budget: 0.7,
  })
}

/** A million people, three columns masked and the detectors looking at the others. */
export async function maskedResult(measuring: Measuring): Promise<readonly Row[]> {
  await measuring.bed.people()
  return largeResult(measuring, {
    name: '1 M rows, 3 columns masked, detectors on, pgbouncer',
    connection: 'masked',
    statement: 'SELECT * FROM people;\n',
    budget: 0.3,
  })
}

async function largeResult({ bed, quick, tell }: Measuring, result: Result): Promise<readonly Row[]> {
  const peer = await bed.pooled()
  if (peer === undefined) return skipped(tell, result.name)
  tell(result.name)
  const { profile } = await bed.hoop(result.connection)
  const file = join(bed.stack.directory, `${result.connection}.sql`)
  writeFileSync(file, result.statement)
  let cpu = 0
  const rounds = quick ? 2 : 7
  const found = await compareTimes(rounds, {
    ours: async () => {
      const before = cpuSeconds(bed.stack.gatewayPid())
      const time = await scriptMilliseconds(profile, file)
      cpu += cpuSeconds(bed.stack.gatewayPid()) - before
      return time
    },
    peer: () => scriptMilliseconds(peer, file),
  })
  const perSecond = (milliseconds: number): number => ROWS / milliseconds
  return [
    makeRow({
      name: result.name,
      unit: 'k rows/s',
      ours: perSecond(found.ours),
      peer: perSecond(found.peer),
      ratio: found.ratio,
      budget: { of: 'ratio', bound: 'at least', value: result.budget },
      note: `${((cpu / (rounds + 1)) * 1000).toFixed(0)} ms of the gateway's processor time`,
    }),
  ]
}
