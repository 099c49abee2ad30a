import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RecordingEvent } from '../../src/domain/event.js'
import type { SessionId } from '../../src/domain/ids.js'
import { recordingPath } from '../../src/gateway/recordings/recording-path.js'
import { type RecoverOptions, recoverRecordings } from '../../src/gateway/recordings/recover-recordings.js'
import { verifyRecording } from '../../src/recording/verify.js'
import { recordLines, rule, SESSION, SESSION_EVENT, sessionNumber } from '../recording/events.js'

const WRITER = fileURLToPath(new URL('../recording/writer-process.ts', import.meta.url))
const END: RecordingEvent = { kind: 'end', reason: 'client_closed' }
const deny = { kind: 'deny', rule: rule('no-drop'), message: 'no', hint: undefined } as const
const REFUSED: RecordingEvent = {
  kind: 'operation',
  client: 1,
  operation: 1,
  statement: 'DROP TABLE "kind":"end", t',
  decision: deny,
  verbs: [],
  tables: [],
}

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hoop-recordings-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function recover(options: Partial<RecoverOptions> = {}) {
  return recoverRecordings({ directory, clock: () => new Date('2026-03-02T00:00:00.000Z'), ...options })
}

/** Puts a file where the recording of a session is. */
function place(content: string, session: SessionId = SESSION): string {
  const path = recordingPath(directory, session)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return path
}

test('a recording that its gateway left open gets an end, and its session is reported', async () => {
  const lines = recordLines([SESSION_EVENT, REFUSED])
  const path = place(lines.join(''))
  const [recovery, ...others] = await recover()
  expect(others).toEqual([])
  expect(recovery).toMatchObject({
    kind: 'ended',
    session: SESSION,
    reason: 'gateway_lost',
    tailBytes: 0,
    operations: 1,
    refused: 1,
    lastAt: '2026-03-01T00:00:00.001Z',
  })
  const head = recovery?.kind === 'ended' ? recovery.head : ''
  const report = await verifyRecording([readFileSync(path)], { session: SESSION, head })
  expect(report).toMatchObject({ ok: true, seq: 3, endReason: 'gateway_lost' })
  expect(readFileSync(path, 'utf8').startsWith(lines.join(''))).toBe(true)
  expect(await recover()).toEqual([])
})

test('half a line at the end is moved beside the recording, wherever it was cut', async () => {
  const whole = recordLines([SESSION_EVENT, REFUSED])
  const text = whole.join('')
  for (let cut = 0; cut < text.length; cut += 11) {
    rmSync(join(directory, '77'), { recursive: true, force: true })
    const path = place(text.slice(0, cut))
    const [recovery] = await recover()
    const wholeBytes = text.slice(0, cut).lastIndexOf('\n') + 1
    expect(recovery).toMatchObject({ kind: 'ended', tailBytes: cut - wholeBytes })
    expect(await verifyRecording([readFileSync(path)], { session: SESSION })).toMatchObject({ ok: true })
    if (cut > wholeBytes) expect(readFileSync(`${path}.tail`, 'utf8')).toBe(text.slice(wholeBytes, cut))
    expect(statSync(`${path}.tail`, { throwIfNoEntry: false })?.size ?? 0).toBe(cut - wholeBytes)
  }
})

test('a tail that an earlier start saved is not written over', async () => {
  const path = place(`${recordLines([SESSION_EVENT]).join('')}{"se`)
  writeFileSync(`${path}.tail`, 'earlier')
  await recover()
  expect(readFileSync(`${path}.tail`, 'utf8')).toBe('earlier')
  expect(readFileSync(`${path}.tail.2`, 'utf8')).toBe('{"se')
})

test('a recording that is complete is left alone, and reported when the store thinks it is open', async () => {
  const path = place(recordLines([SESSION_EVENT, REFUSED, END]).join(''))
  const before = readFileSync(path)
  expect(await recover()).toEqual([])
  expect(await recover({ sessions: [SESSION] })).toMatchObject([
    { kind: 'ended', session: SESSION, reason: 'client_closed', operations: 1, refused: 1 },
  ])
  expect(readFileSync(path)).toEqual(before)
})

test('a session without a recording is reported', async () => {
  expect(await recover({ sessions: [SESSION] })).toEqual([{ kind: 'missing', session: SESSION }])
})

test('a recording that was tampered with is left as it is, and does not stop the others', async () => {
  const lines = recordLines([SESSION_EVENT, REFUSED]).with(1, `${'x'.repeat(30)}\n`)
  const path = place(lines.join(''))
  const other = sessionNumber(9)
  place(recordLines([{ ...SESSION_EVENT, session: other }], other).join(''), other)
  const unreadable = sessionNumber(10)
  mkdirSync(recordingPath(directory, unreadable), { recursive: true })
  const recoveries = await recover()
  expect(new Map(recoveries.map(recovery => [recovery.session, recovery.kind]))).toEqual(
    new Map([
      [SESSION, 'damaged'],
      [other, 'ended'],
      [unreadable, 'failed'],
    ]),
  )
  expect(readFileSync(path, 'utf8')).toBe(lines.join(''))
})

test('a recording in the place of another one is not continued', async () => {
  place(recordLines([SESSION_EVENT], sessionNumber(9)).join(''))
  expect(await recover()).toMatchObject([{ kind: 'damaged', session: SESSION }])
})

test('a recording that another gateway writes is left alone', async () => {
  const path = place(recordLines([SESSION_EVENT]).join(''))
  const before = readFileSync(path)
  expect(await recover({ isLive: session => session === SESSION, sessions: [SESSION] })).toEqual([])
  expect(readFileSync(path)).toEqual(before)
})

test('the reason that the store knows is the one that is recorded', async () => {
  place(recordLines([SESSION_EVENT]).join(''))
  expect(await recover({ reasonFor: () => 'recorder_failed' })).toMatchObject([{ reason: 'recorder_failed' }])
})

test('other files among the recordings are passed over', async () => {
  writeFileSync(join(directory, 'README'), 'x')
  place(recordLines([SESSION_EVENT, END]).join(''))
  writeFileSync(join(directory, '77', 's-short.hoop.jsonl'), 'x')
  expect(await recover()).toEqual([])
  expect(await recoverRecordings({ directory: join(directory, 'none'), clock: () => new Date() })).toEqual([])
})

test('after a kill -9 in the midst of writing, everything that was committed is there and the chain holds', async () => {
  for (const session of [sessionNumber(11), sessionNumber(12)]) {
    const writer = spawn(process.execPath, ['--import', 'tsx', WRITER, directory, session], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const committed = await killAfter(writer, 300)
    const path = recordingPath(directory, session)
    // A line that was cut by luck does not come each time; one that was is added to be sure.
    appendFileSync(path, '{"seq":')
    const [recovery] = await recover()
    expect(recovery).toMatchObject({ kind: 'ended', session, reason: 'gateway_lost' })
    const report = await verifyRecording([readFileSync(path)], { session })
    expect(report.ok).toBe(true)
    expect(report.seq).toBeGreaterThanOrEqual(committed + 2)
    expect(recovery?.kind === 'ended' && recovery.tailBytes).toBeGreaterThanOrEqual(7)
  }
})

/** Kills a writer after it committed this many operations; gives the last one it told of. */
async function killAfter(writer: ChildProcess, operations: number): Promise<number> {
  if (writer.stdout === null) throw new Error('the writer has no output')
  const exited = once(writer, 'exit')
  let last = 0
  for await (const line of createInterface({ input: writer.stdout })) {
    last = Number(line)
    if (last === operations) writer.kill('SIGKILL')
  }
  await exited
  return last
}
