import { duplexPair } from 'node:stream'
import { expect, test } from 'vitest'
import type { Catalog } from '../../src/domain/catalog.js'
import { Catalogs, type CatalogsOptions } from '../../src/gateway/session/catalogs.js'
import { postgres } from '../../src/protocols/postgres/protocol.js'

/** A target whose catalog is read when the test says so. */
function setup() {
  let now = 0
  let opened = 0
  const answers: ((outcome: 'good' | 'bad') => void)[] = []
  const catalogs = new Catalogs(() => now)
  const options: CatalogsOptions = {
    protocol: {
      ...postgres,
      readCatalog: version => ({
        begin: () => [],
        fromTarget: chunk => {
          if (String(chunk) === 'bad') return [{ kind: 'failed', message: 'no rights' }]
          const catalog: Catalog = {
            version,
            byOid: new Map(),
            byName: new Map(),
            userFunctions: new Set(),
            firstUserOid: 1,
          }
          return [{ kind: 'catalog', catalog }]
        },
      }),
    },
    open: async () => {
      opened += 1
      const [near, far] = duplexPair()
      answers.push(outcome => void far.write(outcome))
      return { stream: near, ready: { settings: new Map(), cancelKey: undefined, notices: Buffer.alloc(0) } }
    },
  }
  const read = () => catalogs.read('key', options)
  const answer = async (outcome: 'good' | 'bad') => {
    await expect.poll(() => answers.length).toBeGreaterThan(0)
    answers.shift()?.(outcome)
  }
  return { catalogs, read, answer, opened: () => opened, advance: (ms: number) => (now += ms) }
}

test('a catalog is read once for all who ask at the same time, and then known', async () => {
  const { read, answer, opened } = setup()
  const both = Promise.all([read(), read()])
  await answer('good')
  const [one, other] = await both
  expect(one).toBe(other)
  expect(read()).toBe(one)
  expect(opened()).toBe(1)
})

test('a change of definitions makes whoever asks next wait for a new snapshot', async () => {
  const { catalogs, read, answer } = setup()
  const first = Promise.resolve(read())
  await answer('good')
  const { version } = await first
  catalogs.invalidate('key')
  const second = read()
  expect(second).toBeInstanceOf(Promise)
  await answer('good')
  expect((await second).version).toBeGreaterThan(version)
})

test('a snapshot that was begun before a change does not count as fresh', async () => {
  const { catalogs, read, answer, opened } = setup()
  const stale = Promise.resolve(read())
  await expect.poll(opened).toBe(1)
  catalogs.invalidate('key')
  await answer('good')
  await stale
  expect(read()).toBeInstanceOf(Promise)
  await expect.poll(opened).toBe(2)
  await answer('good')
})

test('an old snapshot serves while the next one is read', async () => {
  const { read, answer, advance } = setup()
  const first = Promise.resolve(read())
  await answer('good')
  const known = await first
  advance(61_000)
  expect(read()).toBe(known)
  await answer('good')
  await expect.poll(() => read() === known).toBe(false)
})

test('who waits along with a read of somebody whose session ends reads for itself', async () => {
  const { read, answer, opened } = setup()
  const first = Promise.resolve(read()).catch(error => error.message)
  const second = Promise.resolve(read())
  await answer('bad')
  expect(await first).toContain('no rights')
  await answer('good')
  expect((await second).version).toBeGreaterThan(0)
  expect(opened()).toBe(2)
})

test('a catalog that cannot be read fails for those who wait, and is tried again by the next', async () => {
  const { read, answer } = setup()
  const failing = Promise.resolve(read())
  const caught = failing.catch(error => error.message)
  await answer('bad')
  expect(await caught).toContain('no rights')
  const again = Promise.resolve(read())
  await answer('good')
  expect((await again).version).toBeGreaterThan(0)
})
