import { afterEach, describe, expect, test } from 'vitest'
import { ParserCage, type ParserCageOptions } from '../../src/gateway/session/parser-cage.js'

/** The compiled worker: a thread cannot run TypeScript. */
const WORKER = new URL('../../dist/src/gateway/session/parser-worker.js', import.meta.url)
const GOOD = 'DELETE FROM orders'
/** More levels than even the cage's stack holds. */
const BREAKING = `SELECT a${'+a'.repeat(500_000)}`

const cages: ParserCage[] = []

function open(options: ParserCageOptions = {}): ParserCage {
  const cage = new ParserCage({ workerUrl: WORKER, ...options })
  cages.push(cage)
  return cage
}

/** A worker that does what the test says, as a module in an address. */
function worker(body: string): URL {
  const source = `import { parentPort } from 'node:worker_threads'\n${body}`
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`)
}

const READY = "parentPort.postMessage({ kind: 'ready' })"
const FINE = 'facts: { understood: true, statements: [] }, damaged: false'

afterEach(async () => {
  await Promise.all(cages.splice(0).map(cage => cage.close()))
})

async function reasonOf(cage: ParserCage, text: string): Promise<string> {
  const facts = await cage.read(text)
  return facts.understood ? 'understood' : facts.reason
}

describe('the real worker', () => {
  test('reads the text that kills the default stack, forty times, and then a good one', async () => {
    const cage = open()
    const deep = `SELECT a${'+a'.repeat(20_000)}`
    for (let round = 0; round < 40; round += 1) expect(await reasonOf(cage, deep)).toBe('understood')
    const facts = await cage.read(GOOD)
    expect(facts.understood && facts.statements[0]?.commands[0]?.filtered).toBe(false)
    expect(cage.recycled).toBe(0)
  })

  test('is replaced when a text breaks it, and the next text is read', async () => {
    const cage = open()
    const [broken, good] = await Promise.all([reasonOf(cage, BREAKING), reasonOf(cage, GOOD)])
    expect(broken).not.toBe('understood')
    expect(good).toBe('understood')
    expect(cage.recycled).toBe(1)
  })

  test('answers deep, wide and long texts of every shape', async () => {
    const cage = open()
    const texts = [
      `SELECT ${'('.repeat(200_000)}1${')'.repeat(200_000)}`,
      `SELECT ${'a['.repeat(100_000)}1${']'.repeat(100_000)}`,
      `SELECT ${'f('.repeat(9_000)}${')'.repeat(9_000)}`,
      `SELECT ${Array(50_000).fill('a').join()}`,
      `DELETE FROM t WHERE a = 1${' OR a = 1'.repeat(20_000)}`,
      `SELECT '${'x'.repeat(1_000_000)}'`,
      `SELECT "${'x'.repeat(1_000_000)}"`,
      '\0'.repeat(10_000),
    ]
    for (const text of texts) expect(typeof (await cage.read(text)).understood).toBe('boolean')
    expect(await reasonOf(cage, GOOD)).toBe('understood')
  })

  test('is replaced after a number of texts, without losing one', async () => {
    const cage = open({ textsPerWorkerMax: 3 })
    const reasons = await Promise.all(Array.from({ length: 10 }, (_, at) => reasonOf(cage, `SELECT ${at}`)))
    expect(reasons).toEqual(Array(10).fill('understood'))
    expect(cage.recycled).toBe(3)
    expect(cage.parsed).toBe(10)
  })
})

describe('a worker that fails', () => {
  const failures: readonly (readonly [name: string, body: string, reason: string])[] = [
    ['never answers', `${READY}\nparentPort.on('message', () => {})`, 'reading it took too long'],
    ['loops', `${READY}\nparentPort.on('message', () => { for (;;) {} })`, 'reading it took too long'],
    ['throws', `${READY}\nparentPort.on('message', () => { throw new Error() })`, 'the parser failed on it'],
    ['ends', `${READY}\nparentPort.on('message', () => process.exit(1))`, 'the parser failed on it'],
    ['cannot start', 'throw new Error()', 'the parser failed on it'],
    [
      'answers another question',
      `${READY}\nparentPort.on('message', () => parentPort.postMessage({ kind: 'read', number: 7, ${FINE} }))`,
      'the parser answered out of turn',
    ],
  ]
  test.each(failures)('%s: its text is not understood', async (_name, body, reason) => {
    const cage = open({ workerUrl: worker(body), textTimeoutMs: 300 })
    expect(await reasonOf(cage, GOOD)).toBe(reason)
    expect(cage.recycled).toBe(1)
  })

  test('says that it is damaged: its answer counts, and the next text gets a new one', async () => {
    const body = `${READY}\nlet texts = 0\nparentPort.on('message', ({ number }) => parentPort.postMessage({ kind: 'read',
      number, facts: { understood: false, reason: String(texts++) }, damaged: true }))`
    const cage = open({ workerUrl: worker(body) })
    expect(await reasonOf(cage, GOOD)).toBe('0')
    expect(await reasonOf(cage, GOOD)).toBe('0')
    expect(cage.recycled).toBe(2)
  })
})

test('more texts than the queue holds are not understood, the others are', async () => {
  const cage = open({ queueLengthMax: 2 })
  const reasons = await Promise.all(Array.from({ length: 4 }, (_, at) => reasonOf(cage, `SELECT ${at}`)))
  expect(reasons).toEqual(['understood', 'understood', 'the parser is busy', 'the parser is busy'])
})

test('closing answers what waits, and what comes later', async () => {
  const cage = open()
  const waiting = [reasonOf(cage, BREAKING), reasonOf(cage, GOOD)]
  await cage.close()
  const shutDown = 'the parser has been shut down'
  expect(await Promise.all([...waiting, reasonOf(cage, GOOD)])).toEqual([shutDown, shutDown, shutDown])
})
