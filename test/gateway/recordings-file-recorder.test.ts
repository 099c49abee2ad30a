import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RecordingEvent } from '../../src/domain/event.js'
import type { WriteBytes } from '../../src/gateway/recordings/append-file.js'
import { Archive } from '../../src/gateway/recordings/archive.js'
import { openRecorder } from '../../src/gateway/recordings/file-recorder.js'
import { recordingPath, sessionOfPath } from '../../src/gateway/recordings/recording-path.js'
import { verifyRecording } from '../../src/recording/verify.js'
import { SESSION, SESSION_EVENT, sessionNumber } from '../recording/events.js'

const END: RecordingEvent = { kind: 'end', reason: 'client_closed' }

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hoop-recordings-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function open(
  options: {
    readonly write?: WriteBytes
    readonly directory?: string
    readonly monotonic?: () => number
  } = {},
) {
  const clock = () => new Date('2026-03-01T00:00:00.000Z')
  return openRecorder({ directory, session: SESSION, clock, monotonic: () => 0, ...options })
}

function path(): string {
  return recordingPath(directory, SESSION)
}

function notice(message: string): RecordingEvent {
  return { kind: 'notice', client: 1, severity: 'NOTICE', message }
}

test('a session is recorded in a file of its own that only the gateway may read', async () => {
  const recorder = open({ directory: join(directory, 'new', 'recordings') })
  recorder.append(SESSION_EVENT)
  recorder.append(END)
  const head = await recorder.close()
  const file = recordingPath(join(directory, 'new', 'recordings'), SESSION)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700)
  expect(statSync(join(directory, 'new', 'recordings')).mode & 0o777).toBe(0o700)
  const report = await verifyRecording([readFileSync(file)], { session: SESSION, head })
  expect(report).toMatchObject({ ok: true, eventCount: 2 })
})

test('what was committed is in the file when the call returns; what was not is not', () => {
  const recorder = open()
  const lines = () => readFileSync(path(), 'utf8').split('\n').length - 1
  expect(lines()).toBe(1)
  recorder.append(SESSION_EVENT)
  expect(lines()).toBe(1)
  expect(recorder.commit()).toBeUndefined()
  expect(lines()).toBe(2)
  recorder.commit()
  expect(lines()).toBe(2)
})

test('events that nobody commits do not pile up in memory', () => {
  const recorder = open()
  for (let count = 0; count < 100; count += 1) recorder.append(notice('x'.repeat(10_000)))
  expect(statSync(path()).size).toBeGreaterThan(100 * 10_000 - 2 * 64 * 1024)
})

test('the time since the start does not go back when the clock does', async () => {
  const times = [1000, 1010.1234567, 1005, 1020]
  const recorder = open({ monotonic: () => times.shift() ?? 0 })
  for (const message of ['a', 'b', 'c', 'd']) recorder.append(notice(message))
  await recorder.close()
  const written = [...readFileSync(path(), 'utf8').matchAll(/"t":([^,]+),/g)].map(match => match[1])
  expect(written).toEqual(['10.123', '10.123', '20', '20'])
})

test('a recording is never written over, and no link in its place is followed', () => {
  open()
  expect(() => open()).toThrow(`Cannot record session "${SESSION}": it was recorded before`)
  rmSync(path())
  const elsewhere = join(directory, 'elsewhere')
  writeFileSync(elsewhere, '')
  symlinkSync(elsewhere, path())
  expect(() => open()).toThrow('it was recorded before')
  expect(readFileSync(elsewhere, 'utf8')).toBe('')
})

test('short writes and interrupted ones lose nothing', async () => {
  let calls = 0
  const recorder = open({
    write: (descriptor, bytes, offset, length) => {
      calls += 1
      if (calls % 3 === 1)
        throw Object.assign(new Error('interrupted'), { code: calls % 2 === 0 ? 'EINTR' : 'EAGAIN' })
      return writeSync(descriptor, bytes, offset, Math.min(length, 7))
    },
  })
  recorder.append(SESSION_EVENT)
  recorder.append(END)
  const head = await recorder.close()
  expect(await verifyRecording([readFileSync(path())], { head })).toMatchObject({ ok: true, eventCount: 2 })
})

test('a file that takes nothing and says nothing is given up', () => {
  let calls = 0
  const write = () => {
    calls += 1
    return 0
  }
  expect(() => open({ write })).toThrow('the file takes no more bytes')
  expect(calls).toBeLessThan(100)
})

test('whichever write fails, that call and every later one fails, and what was said to be recorded is', async () => {
  const WRITES = 8
  for (let failing = 1; failing <= WRITES; failing += 1) {
    for (const half of [false, true]) {
      rmSync(path(), { force: true })
      const { committed, failure } = await recordUntilFailure({ failing, half })
      expect(failure, `write ${failing}`).toMatchObject({
        code: 'recording_failed',
        message: `Cannot record session "${SESSION}": no space is left for recordings`,
      })
      const report = await verifyRecording([readFileSync(path())], { live: true })
      expect(report).toMatchObject({ ok: true, seq: committed })
    }
  }
})

/** Records until the n-th write fails, after none or half of its bytes. Everything after it must fail the same way. */
async function recordUntilFailure({ failing, half }: { readonly failing: number; readonly half: boolean }) {
  let writes = 0
  let committed = 0
  const write: WriteBytes = (descriptor, bytes, offset, length) => {
    writes += 1
    if (writes < failing) return writeSync(descriptor, bytes, offset, length)
    if (half && writes === failing) return writeSync(descriptor, bytes, offset, Math.floor(length / 2))
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  }
  try {
    const recorder = open({ write })
    try {
      for (let count = 1; ; count += 1) {
        recorder.append(notice(String(count)))
        recorder.commit()
        committed = count
      }
    } catch (failure) {
      expect(() => recorder.append(END)).toThrow('no space is left')
      expect(() => recorder.commit()).toThrow('no space is left')
      await expect(recorder.close()).rejects.toBe(failure)
      await expect(recorder.close()).rejects.toBe(failure)
      return { committed, failure }
    }
  } catch (failure) {
    return { committed, failure }
  }
}

test('an event that is too large to be read again ends the recording', () => {
  const recorder = open()
  expect(() => recorder.append(notice('x'.repeat(17 * 1024 * 1024)))).toThrow('larger than 16 MiB')
  expect(() => recorder.commit()).toThrow('larger than 16 MiB')
})

test('a closed recording takes nothing more, and closing it again gives the same head', async () => {
  const recorder = open()
  recorder.append(END)
  const head = await recorder.close()
  expect(await recorder.close()).toBe(head)
  expect(() => recorder.append(END)).toThrow('the recording is closed')
  expect(() => recorder.commit()).toThrow('the recording is closed')
})

test('a disk that is really full ends the recording', async context => {
  const disk = join(directory, 'disk')
  mkdirSync(disk)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { stdio: 'ignore' })
  } catch {
    context.skip('a file system of 64 KiB cannot be mounted here')
  }
  try {
    const recorder = open({ directory: disk })
    expect(() => {
      for (let count = 0; count < 100; count += 1) {
        recorder.append(notice('x'.repeat(4000)))
        recorder.commit()
      }
    }).toThrow('no space is left for recordings')
    expect(() => recorder.commit()).toThrow('no space is left for recordings')
    await expect(recorder.close()).rejects.toThrow('no space is left for recordings')
  } finally {
    execFileSync('umount', ['--lazy', disk])
  }
})

test('a recording is read back byte for byte, also while it is written, and verified where it lies', async () => {
  const archive = new Archive({ directory })
  const recorder = open()
  recorder.append(SESSION_EVENT)
  recorder.commit()
  expect(Buffer.concat(await (await archive.open(SESSION)).toArray())).toEqual(readFileSync(path()))
  expect(await archive.verify(SESSION, { live: true })).toMatchObject({ ok: true, eventCount: 1 })
  recorder.append(END)
  const head = await recorder.close()
  expect(await archive.verify(SESSION, { head })).toMatchObject({
    ok: true,
    eventCount: 2,
    byteCount: statSync(path()).size,
  })
})

test('a recording that is not there is not found, and a link in its place is not followed', async () => {
  const archive = new Archive({ directory })
  await expect(archive.open(sessionNumber(9))).rejects.toMatchObject({ code: 'not_found' })
  mkdirSync(join(path(), '..'))
  symlinkSync('/etc/hostname', path())
  await expect(archive.open(SESSION)).rejects.toMatchObject({ code: 'recording_failed' })
})

test('a file is a recording by its name and its folder', () => {
  expect(sessionOfPath(recordingPath('/r', SESSION))).toBe(SESSION)
  for (const other of [
    '/r/77/x.hoop.jsonl',
    `/r/78/${SESSION}.hoop.jsonl`,
    `${recordingPath('/r', SESSION)}.tail`,
  ]) {
    expect(sessionOfPath(other)).toBeUndefined()
  }
})
