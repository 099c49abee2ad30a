import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { RecordingVerifier } from '../../src/recording/verify.js'
import { anySession, recordLines } from './events.js'

const DOCUMENT = readFileSync(
  fileURLToPath(new URL('../../docs/recording-format.md', import.meta.url)),
  'utf8',
)
const PROGRAM = /```python\n([^`]*)```/.exec(DOCUMENT)?.[1] ?? ''
const directory = mkdtempSync(join(tmpdir(), 'hoop-format-'))
const verifierPath = join(directory, 'verify.py')
writeFileSync(verifierPath, PROGRAM)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Why Python cannot be asked; undefined when it can. */
const whyNoPython = (() => {
  try {
    execFileSync('python3', ['-c', 'pass'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'python3 is not installed'
  }
})()

/** What the verifier in the document says of a recording. */
function verify(content: string | Buffer, head?: string) {
  const file = join(directory, 'recording')
  writeFileSync(file, content)
  const { status, stdout, stderr } = spawnSync('python3', [
    verifierPath,
    file,
    ...(head === undefined ? [] : [head]),
  ])
  return { ok: status === 0, said: `${stdout}${stderr}`.trim() }
}

test('the verifier in the document agrees with ours on recordings, whole and broken', context => {
  if (whyNoPython !== undefined) context.skip(whyNoPython)
  const damage = fc.constantFrom('none', 'bit', 'cut', 'drop', 'repeat', 'swap')
  fc.assert(
    fc.property(anySession, damage, fc.nat(), (events, kind, where) => {
      const lines = recordLines(events)
      const index = where % (lines.length - 1)
      const bytes = Buffer.from(lines.join(''))
      const content = {
        none: () => bytes,
        bit: () => Buffer.from(bytes.map((byte, at) => (at === where % bytes.length ? byte ^ 1 : byte))),
        cut: () => bytes.subarray(0, where % bytes.length),
        drop: () => Buffer.from(lines.toSpliced(index, 1).join('')),
        repeat: () => Buffer.from(lines.toSpliced(index, 0, lines[index] ?? '').join('')),
        swap: () =>
          Buffer.from(
            lines
              .toSpliced(index, 1)
              .toSpliced(index + 1, 0, lines[index] ?? '')
              .join(''),
          ),
      }[kind]()
      const verifier = new RecordingVerifier()
      verifier.push(content)
      const { ok } = verifier.finish()
      expect(ok).toBe(kind === 'none')
      expect(verify(content).ok).toBe(ok)
    }),
    { numRuns: 12 },
  )
})

test('the verifier in the document says what is wrong, and knows the head', context => {
  if (whyNoPython !== undefined) context.skip(whyNoPython)
  const lines = recordLines([
    { kind: 'cancel', client: 1 },
    { kind: 'end', reason: 'idle' },
  ])
  const head = /"chain":"([^"]+)"\}\n$/.exec(lines.at(-1) ?? '')?.[1] ?? ''
  expect(verify(lines.join(''), head)).toEqual({
    ok: true,
    said: `s-7777777777777777: 2 events, head ${head}`,
  })
  expect(verify(lines.join(''), 'x').said).toBe('line 3: the head differs from the one that was kept')
  expect(verify(lines.slice(0, 2).join('')).said).toBe('line 2: the recording stops before its end')
  expect(verify(lines.toSpliced(1, 1).join('')).said).toBe('line 2: the chain is broken')
  expect(verify('').said).toBe('line 0: the recording stops before its end')
})

test('the document names every kind of event and every reason', () => {
  const kinds = [
    'session',
    'client',
    'prepare',
    'operation',
    'review',
    'rows',
    'result',
    'notice',
    'cancel',
    'client_end',
    'end',
  ]
  for (const kind of kinds) expect(DOCUMENT).toContain(`| \`${kind}\` |`)
  const domain = readFileSync(fileURLToPath(new URL('../../src/domain/session.ts', import.meta.url)), 'utf8')
  const union = /export type EndReason =([\s\S]*?)\n\n/.exec(domain)?.[1] ?? ''
  const reasons = [...union.matchAll(/'(\w+)'/g)].map(match => match[1])
  expect(reasons.length).toBeGreaterThan(10)
  for (const reason of reasons) expect(DOCUMENT).toContain(`\`${reason}\``)
})
