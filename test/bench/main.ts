import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { makeBed } from './bed.js'
import { idleConnections } from './idle-connections.js'
import { innerCosts } from './inner-costs.js'
import { maskedResult, plainResult } from './large-results.js'
import { lineageCosts } from './lineage-costs.js'
import type { Measurement } from './measurement.js'
import { newSessions } from './new-sessions.js'
import { pointSelects, pointSelectsPooled, pointSelectsThroughAgent } from './point-selects.js'
import { type Row, renderTable } from './row.js'
import { slowReader } from './slow-reader.js'
import { firstPrompt, startUp } from './start-times.js'

const USAGE = `npm run bench [-- [--json] [--quick] [--only NAME]... [--profile DIRECTORY]]
Measures Hoop beside what it is compared with, all on this machine, recording on. Names:`

const MEASUREMENTS: readonly Measurement[] = [
  { name: 'point', run: pointSelects },
  { name: 'point-pooled', run: pointSelectsPooled },
  { name: 'point-agent', run: pointSelectsThroughAgent },
  { name: 'rows', run: plainResult },
  { name: 'rows-masked', run: maskedResult },
  { name: 'sessions', run: newSessions },
  { name: 'slow-reader', run: slowReader },
  { name: 'idle', run: idleConnections },
  { name: 'version', run: startUp },
  { name: 'prompt', run: firstPrompt },
  { name: 'inner', run: innerCosts },
  { name: 'lineage', run: lineageCosts },
]

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** Progress and problems go to stderr, so that stdout is the answer alone. */
const tell = (message: string): void => void process.stderr.write(`bench: ${message}\n`)

process.exitCode = await main()

async function main(): Promise<number> {
  const names = MEASUREMENTS.map(one => one.name)
  const unknown = values.only.filter(name => !names.includes(name))
  if (values.help || unknown.length > 0) {
    process.stderr.write(`${USAGE}\n  ${names.join(' ')}\n`)
    return values.help ? 0 : 64
  }
  const missing = missingPackages()
  if (missing.length > 0) {
    tell(`cannot measure: Debian packages are missing: ${missing.join(' ')}`)
    return 69
  }
  const chosen = MEASUREMENTS.filter(({ name }) => values.only.length === 0 || values.only.includes(name))
  const { rows, failed } = await measure(chosen)
  const text = values.json ? JSON.stringify({ rows }, undefined, 2) : renderTable(rows)
  process.stdout.write(`${text}\n`)
  return failed ? 70 : 0
}

async function measure(
  measurements: readonly Measurement[],
): Promise<{ readonly rows: readonly Row[]; readonly failed: boolean }> {
  const { profile: profiles, quick } = values
  if (profiles !== undefined) mkdirSync(profiles, { recursive: true })
  tell('starting PostgreSQL, the provider, the gateway and an agent')
  const bed = await makeBed({ profiles })
  const rows: Row[] = []
  let failed = false
  try {
    for (const { name, run } of measurements) {
      try {
        rows.push(...(await run({ bed, quick, tell })))
      } catch (error) {
        // The others are measured all the same; what is missing is seen in the table and in the exit code.
        tell(`"${name}" failed: ${error instanceof Error ? error.stack : String(error)}`)
        failed = true
      }
    }
  } finally {
    await bed.stop()
  }
  return { rows, failed }
}

function missingPackages(): readonly string[] {
  const server = '/usr/lib/postgresql'
  const versions = existsSync(server) ? readdirSync(server) : []
  const has = (program: string): boolean =>
    versions.some(version => existsSync(`${server}/${version}/bin/${program}`))
  const needed = { postgresql: has('initdb') && has('pgbench'), 'postgresql-client': has('psql') }
  return Object.entries(needed).flatMap(([name, is]) => (is ? [] : [name]))
}
