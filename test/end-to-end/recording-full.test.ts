import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { ADA } from '../setup/hoop-stack.js'
import { liveGrants, type Shop, startShop } from './shop.js'
import { until } from './until.js'

/** A small file system of its own for recordings; only root can mount one. */
const SIZE_BYTES = 1024 * 1024
const IS_ROOT = process.getuid?.() === 0

/** Half of it, taken from the start, to be given back. */
const BALLAST = 'ballast'

const directory = mkdtempSync(join(tmpdir(), 'hoop-full-'))
const recordings = join(directory, 'recordings')
let shop: Shop

/** Everything that was recorded of a session, as text; its last line may be cut. */
function recordedText(): string {
  return readdirSync(recordings, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.jsonl'))
    .map(entry => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n')
}

describe.skipIf(!IS_ROOT)('a disk without space', () => {
  beforeAll(async () => {
    mkdirSync(recordings, { mode: 0o700 })
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_BYTES},mode=700`, 'tmpfs', recordings])
    writeFileSync(join(recordings, BALLAST), Buffer.alloc(SIZE_BYTES / 2))
    const config = { recordings: { directory: recordings } }
    shop = await startShop({ postgres: inject('postgres'), name: 'recording_full', config })
  }, 120_000)

  afterAll(async () => {
    await shop?.stop()
    execFileSync('umount', ['-l', recordings])
    rmSync(directory, { recursive: true, force: true })
  })

  test('ends the session in the midst of it, and nothing that was not recorded reaches the target', async () => {
    const listener = await shop.listen()
    const client = await listener.client()
    const idle = await listener.client()
    const idleEnd = new Promise<unknown>(resolve => idle.once('error', resolve))
    let answered = 0
    const note = 'x'.repeat(20_000)
    const failure: unknown = await (async () => {
      for (;;) {
        await client.query(`INSERT INTO orders VALUES (${answered + 1}, '${note}')`)
        answered += 1
        if (answered > 100) return new Error('the disk never got full')
      }
    })().catch((error: unknown) => error)
    const says = 'hoop ended this session: the recording could not be written, and nothing runs unrecorded'
    expect(failure).toMatchObject({ severity: 'FATAL', code: '58030', message: says })
    expect(await idleEnd).toMatchObject({ message: says })
    const text = recordedText()
    const arrived = (await shop.sql('SELECT id FROM orders ORDER BY id')).split('\n').map(Number)
    expect(arrived.filter(id => !text.includes(`VALUES (${id}, 'xxx`))).toEqual([])
    expect(arrived.length).toBeGreaterThanOrEqual(answered)
    const ended = await listener.ended
    expect(ended.stderr).toContain('ended: the recording could not be written, and nothing runs unrecorded')
    expect(ended.stderr).toContain('try: ')
    expect(ended.code).toBe(77)
    expect((await shop.endedSession(listener.profile.session)).endReason).toBe('recorder_failed')
    expect(liveGrants(await shop.grants())).toEqual([])
    await until('the target has no connection of it', async () => (await shop.targetConnections()) === 0)
  }, 60_000)

  test('lets no new session begin, and says who can help', async () => {
    fill()
    const ran = await shop.stack.hoop(ADA, ['connect', 'shop', '--', '-c', 'SELECT 1'])
    expect(ran.stdout).toBe('')
    expect(ran.stderr).toMatch(/^hoop: Cannot record session "s-\w+": no space is left for recordings/)
    expect(ran.stderr).toContain('try: ask who runs the gateway to make room for recordings')
    expect(ran.code).toBe(69)
    expect(liveGrants(await shop.grants())).toEqual([])
    const sessions = await shop.stack.hoop(ADA, ['sessions', 'list'])
    expect(sessions.stdout).not.toContain('live')
  }, 60_000)

  test('is a matter of space: with room again, sessions begin, and the broken recording is told from a whole one', async () => {
    rmSync(join(recordings, BALLAST))
    const ran = await shop.stack.hoop(ADA, [
      'connect',
      'shop',
      '--',
      '-Atc',
      'SELECT count(*) FROM customers',
    ])
    expect(ran).toMatchObject({ code: 0, stdout: '10\n' })
    const list = await shop.stack.hoop(ADA, ['sessions', 'list', '--json'])
    const failed = JSON.parse(list.stdout).find(
      (one: { endReason: string }) => one.endReason === 'recorder_failed',
    )
    const verified = await shop.stack.hoop(ADA, ['sessions', 'verify', failed.id])
    expect(verified.code).toBe(65)
    expect(verified.stdout).toContain('NOT to be relied on')
  }, 60_000)
})

/** Takes what is left, to the last byte. */
function fill(): void {
  try {
    for (;;) writeFileSync(join(recordings, 'filler'), Buffer.alloc(512), { flag: 'a' })
  } catch {
    // Full, as it should be.
  }
}
