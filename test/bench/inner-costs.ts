import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { loadConfig } from '../../src/config/load-config.js'
import type { Catalog } from '../../src/domain/catalog.js'
import type { TextFacts } from '../../src/domain/facts.js'
import { makeSessionId } from '../../src/domain/ids.js'
import { readConnectionName, readRoleName } from '../../src/domain/names.js'
import { Policies } from '../../src/gateway/access/policies.js'
import { openRecorder } from '../../src/gateway/recordings/file-recorder.js'
import { makeJudge } from '../../src/gateway/session/judge.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import type { Measuring } from './measurement.js'
import { median } from './rounds.js'
import { makeRow, type Row } from './row.js'

const ROUNDS = 9

/** What the parts of one statement's way cost on their own, in this process. */
export async function innerCosts({ bed, quick, tell }: Measuring): Promise<readonly Row[]> {
  tell('inner costs')
  await loadPostgresGrammar()
  const times = quick ? 300 : 2_000
  const row = (name: string, work: (turn: number) => unknown): Row =>
    makeRow({ name, unit: 'us', ours: microseconds(times, work) })
  const verdict = makeVerdicts(bed.stack.configFile)
  const facts = Array.from({ length: times }, (_, turn) => readPostgresText(pointSelect(turn)))
  return [
    row('reading a new statement of 60 bytes', turn => readPostgresText(pointSelect(turn))),
    row('reading a new statement of 1.5 kB', turn => readPostgresText(longSelect(turn))),
    row('verdict on a statement seen before', () => verdict(facts[0], pointSelect(0))),
    row('verdict on a new statement, without reading it', turn => verdict(facts[turn], pointSelect(turn))),
    recordingRow(bed.stack.directory, times),
  ]
}

function microseconds(times: number, work: (turn: number) => unknown): number {
  const rounds: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const started = performance.now()
    for (let turn = 0; turn < times; turn += 1) work(turn)
    // The first one warms up.
    if (round > 0) rounds.push(((performance.now() - started) / times) * 1000)
  }
  return median(rounds)
}

function pointSelect(turn: number): string {
  return `SELECT abalance FROM pgbench_accounts WHERE aid = ${100_000 + turn};`
}

function longSelect(turn: number): string {
  const columns = Array.from({ length: 12 }, (_, at) => `coalesce(a.filler, 'none') AS filler_${at}`)
  const conditions = Array.from(
    { length: 14 },
    (_, at) => `(a.abalance > ${at} AND b.bbalance < ${turn + at})`,
  )
  return `SELECT a.aid, b.bid, ${columns.join(', ')} FROM pgbench_accounts a JOIN pgbench_branches b USING (bid)
    WHERE ${conditions.join(' OR ')} ORDER BY a.aid, b.bid LIMIT 100`
}

/** The judge of a client connection without masking, under the rules that are shipped. */
function makeVerdicts(configFile: string) {
  const policies = new Policies({
    config: loadConfig(configFile),
    resolveSecret: () => '',
    now: () => new Date(),
  })
  const connection = readConnectionName('plain')
  const role = readRoleName('reader')
  if (connection === undefined || role === undefined) throw new Error('a name is out of form')
  const principal = {
    issuer: 'https://login.example.com',
    subject: 'u-1',
    name: 'ada',
    groups: ['engineering'],
  }
  const { decide, maskerFor } = policies.rulesFor({ principal, connection, role, database: 'bench' })
  const catalog: Catalog = {
    version: 1,
    byOid: new Map(),
    byName: new Map(),
    userFunctions: new Set(),
    firstUserOid: 16_384,
  }
  let given: TextFacts = { understood: false, reason: 'none' }
  const judge = makeJudge({
    readFacts: () => given,
    catalog: () => ({ kind: 'fresh', catalog: catalog }),
    decide,
    maskerFor,
  })
  return (facts: TextFacts | undefined, text: string): unknown => {
    // A copy is new to the judge, which knows facts by their identity.
    given = facts ?? given
    return judge({ text, step: 'run', names: { behind: () => undefined } })
  }
}

/** A statement and its one row, each with the write to the file, as the relay does it. */
function recordingRow(directory: string, times: number): Row {
  const recorder = openRecorder({
    directory: join(directory, 'data', 'bench'),
    session: makeSessionId(randomBytes),
    clock: () => new Date(),
    monotonic: () => performance.now(),
  })
  const ours = microseconds(times, operation => {
    recorder.append({
      kind: 'operation',
      client: 1,
      operation,
      statement: pointSelect(operation),
      decision: { kind: 'allow', rule: undefined },
      verbs: ['SELECT'],
      tables: ['public.pgbench_accounts'],
    })
    void recorder.commit()
    recorder.append({
      kind: 'result',
      operation,
      outcome: 'completed',
      tag: 'SELECT 1',
      columns: ['abalance'],
      rows: [['0']],
      rowCount: 1,
      byteCount: 15,
    })
  })
  void recorder.close()
  return makeRow({ name: 'recording one point select', unit: 'us', ours })
}
