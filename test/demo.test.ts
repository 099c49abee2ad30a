import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { Narrator } from './demo/narrator.js'
import { type Expectation, Person } from './demo/person.js'
import { cleanEnvironment } from './setup/postgres.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DEMO_MS_MAX = 240_000

interface Played {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

let played: Played

beforeAll(async () => {
  played = await playDemo([])
}, DEMO_MS_MAX)

test('the demo plays from the login to the forged recording and ends well', () => {
  expect(played).toMatchObject({ code: 0, stderr: '' })
  expect(played.stdout).toContain('✓ the demo did what it says')
  expect(played.stdout).not.toContain('\u001b')
})

test('the transcript in the README is what the demo prints', () => {
  const printed = new Set(played.stdout.split('\n').map(withoutChance))
  const shown = transcript().filter(line => line !== '…')
  expect(shown.length).toBeGreaterThan(30)
  expect(shown.filter(line => !printed.has(withoutChance(line)))).toEqual([])
})

test('the demo refuses a flag that it does not know', async () => {
  expect(await playDemo(['--keeep'])).toEqual({
    code: 64,
    stdout: '',
    stderr: 'Cannot run the demo: "--keeep" is not known here, "--keep" is\n',
  })
})

/** Runs a command as a person of the demo and gives what the demo would fail with. */
async function check(command: string, expected: Expectation, complaint: RegExp | undefined): Promise<void> {
  const narrator = new Narrator({ write: () => {}, colour: false })
  const person = new Person({
    narrator,
    env: cleanEnvironment(),
    directory: tmpdir(),
    unseen: ['123-45-6789'],
  })
  const running = person.run(command, expected)
  if (complaint === undefined) await expect(running).resolves.toMatchObject({ code: expected.code ?? 0 })
  else await expect(running).rejects.toThrow(complaint)
}

test('the demo fails at a command that does not do what it should', async () => {
  await check('echo well', { shows: ['well'] }, undefined)
  await check('exit 3', { code: 3 }, undefined)
  await check('echo well', { shows: ['ill'] }, /did not show ill/)
  await check('echo well', { hides: [/w.ll/] }, /must not be seen/)
  await check('exit 3', {}, /ended with 3, not with 0/)
  await check('kill -9 $$', {}, /ended with 137, not with 0/)
})

test('the demo fails when a stored value is shown, on stdout or on stderr', async () => {
  await check('echo ssn: 123-45-6789', {}, /it showed 123-45-6789, which must not be seen/)
  await check('echo ssn: 123-45-6789 >&2', {}, /it showed 123-45-6789, which must not be seen/)
})

function playDemo(flags: readonly string[]): Promise<Played> {
  const argv = ['--import', 'tsx', 'test/demo/main.ts', ...flags]
  return new Promise(resolve => {
    execFile(
      process.execPath,
      argv,
      { cwd: ROOT, timeout: DEMO_MS_MAX, killSignal: 'SIGTERM' },
      (error, stdout, stderr) =>
        resolve({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1,
          stdout,
          stderr,
        }),
    )
  })
}

/** The lines of the README's transcript. */
function transcript(): readonly string[] {
  const text = readFileSync(`${ROOT}README.md`, 'utf8')
  return (/^```console\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? '').split('\n').filter(line => line !== '')
}

/** A line with everything that is another at each run replaced: names, codes, times, ports, hashes, versions. */
function withoutChance(line: string): string {
  return line
    .replace(/\b[sgr]-[0-9a-z]{16}\b/g, 'ID')
    .replace(/\b[A-Z]{4}-[A-Z]{4}\b/g, 'CODE')
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+Z)?/g, 'TIME')
    .replace(/\+\d\d:\d\d:\d\d\.\d{3}/g, 'OFFSET')
    .replace(/\d+\.\d{3} ms/g, 'DURATION')
    .replace(/(localhost|127\.0\.0\.1):\d+/g, '$1:PORT')
    .replace(/\bh:[0-9a-f]{16}\b/g, 'HASH')
    .replace(/chain \S+…/g, 'chain HASH…')
    .replace(/ at \d\d:\d\d UTC/g, ' at TIME UTC')
    .replace(/can be used for \S+$/, 'can be used for A WHILE')
    .replace(/ for \S+, session/, ' for A WHILE, session')
    .replace(/ within \S+$/, ' within A WHILE')
    .replace(/\b\d+ events/, 'MANY events')
    .replace(/line \d+ was/, 'line N was')
    .replace(/in the encrypted file ".*"/, 'in the encrypted file FILE')
    .replace(/^psql \(.*\)$/, 'psql VERSION')
    .trimEnd()
}
