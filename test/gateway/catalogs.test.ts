import { duplexPair } from 'node:stream'
import { expect, test } from 'vitest'
import type { Catalog } from '../../src/domain/catalog.js'
import { type CatalogNeed, Catalogs, type CatalogsOptions } from '../../src/gateway/session/catalogs.js'
import { HoopError } from '../../src/lib/hoop-error.js'
import { postgres } from '../../src/protocols/postgres/protocol.js'

/** Both ends of a pair pass bytes on in turns of the event loop. */
async function answersArrived(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve))
}

function emptyCatalog(version: number): Catalog {
  return { version, byOid: new Map(), byName: new Map(), userFunctions: new Set(), firstUserOid: 1 }
}

/** A target that says what the test says: `f:…` is a fingerprint, `catalog` a catalog, `bad` a failure. */
function setup() {
  let now = 0
  const opened: { close(): void }[] = []
  let asked: string[] = []
  let respond: ((text: string) => void) | undefined
  let canOpen = true
  const reader = <Action>(question: string, read: (chunk: string) => Action) => ({
    begin: () => {
      asked.push(question)
      return []
    },
    fromTarget: (chunk: Buffer) => [
      String(chunk) === 'bad' ? ({ kind: 'failed', message: 'no rights' } as const) : read(String(chunk)),
    ],
  })
  const catalogs = new Catalogs(() => now)
  const options: CatalogsOptions = {
    protocol: {
      ...postgres,
      readFingerprint: () => reader('fingerprint', answer => ({ kind: 'answer', answer }) as const),
      readCatalog: version =>
        reader('catalog', () => ({ kind: 'catalog', catalog: emptyCatalog(version) }) as const),
    },
    open: async () => {
      if (!canOpen) throw new HoopError('target_unavailable', 'Cannot reach the target')
      const [near, far] = duplexPair()
      respond = text => void far.write(text)
      opened.push({ close: () => near.destroy() })
      return { stream: near, ready: { settings: new Map(), cancelKey: undefined, notices: Buffer.alloc(0) } }
    },
  }
  const answer = async (question: 'fingerprint' | 'catalog', text: string) => {
    await expect.poll(() => asked[0]).toBe(question)
    asked = asked.slice(1)
    respond?.(text)
  }
  const read = (need?: CatalogNeed) => catalogs.read('key', options, need)
  return {
    catalogs,
    read,
    answer,
    /** The whole way of a catalog that is not known, or not true any more. */
    answerAll: async (fingerprint: string) => {
      await answer('fingerprint', fingerprint)
      await answer('catalog', 'catalog')
    },
    first: async (fingerprint = 'one') => {
      const reading = Promise.resolve(read())
      await answer('fingerprint', fingerprint)
      await answer('catalog', 'catalog')
      return reading
    },
    opened,
    asked: () => asked,
    advance: (ms: number) => (now += ms),
    refuse: () => {
      canOpen = false
    },
  }
}

test('a catalog is read once for all who ask at the same time, over one connection, and then known', async () => {
  const { read, answerAll, opened, asked } = setup()
  const all = Promise.all(Array.from({ length: 50 }, () => read()))
  await answerAll('one')
  const found = await all
  expect(new Set(found).size).toBe(1)
  expect(read()).toBe(found[0])
  expect(opened.length).toBe(1)
  expect(asked()).toEqual([])
})

test('what definitions decide is checked when the last check is older than a second, once for all who ask', async () => {
  const { first, read, answer, advance, opened, asked } = setup()
  const known = await first()
  advance(1_000)
  expect(read()).toBe(known)
  advance(1)
  const all = Array.from({ length: 50 }, () => read())
  for (const one of all) expect(one).toBeInstanceOf(Promise)
  await answer('fingerprint', 'one')
  for (const one of await Promise.all(all)) expect(one).toBe(known)
  expect(asked()).toEqual([])
  expect(read()).toBe(known)
  expect(opened.length).toBe(1)
})

test('a changed fingerprint reads the catalog anew', async () => {
  const { first, read, answerAll, advance } = setup()
  const known = await first()
  advance(1_001)
  const checked = Promise.resolve(read())
  await answerAll('two')
  expect((await checked).version).toBeGreaterThan(known.version)
  expect(read()).toBe(await checked)
})

test('a check begins before anybody has to wait for it', async () => {
  const { first, read, answer, advance, asked } = setup()
  const known = await first()
  for (let second = 0; second < 3; second += 1) {
    advance(900)
    expect(read('tables')).toBe(known)
    expect(asked()).toEqual([])
    advance(50)
    expect(read('tables')).toBe(known)
    await answer('fingerprint', 'one')
    await answersArrived()
  }
})

test('tables wait as well when the last check is too old', async () => {
  const { first, read, answerAll, advance } = setup()
  const known = await first()
  advance(1_001)
  const waiting = read('tables')
  expect(waiting).toBeInstanceOf(Promise)
  await answerAll('two')
  expect((await waiting).version).toBeGreaterThan(known.version)
})

test('searching never waits, and checks once a minute', async () => {
  const { first, read, answerAll, advance, asked } = setup()
  const known = await first()
  advance(59_000)
  expect(read('search')).toBe(known)
  expect(asked()).toEqual([])
  advance(1_001)
  expect(read('search')).toBe(known)
  await answerAll('two')
  await expect.poll(() => read('search') === known).toBe(false)
})

test('a change that passes makes whoever decides by definitions wait, and nobody who only searches', async () => {
  const { catalogs, first, read, answerAll, answer, asked, advance } = setup()
  const known = await first()
  catalogs.invalidate('key')
  expect(read('search')).toBe(known)
  const reading = [read(), read('tables')]
  for (const one of reading) expect(one).toBeInstanceOf(Promise)
  await answerAll('two')
  const [one, other] = await Promise.all(reading)
  expect(one).toBe(other)
  expect(one?.version).toBeGreaterThan(known.version)
  for (let change = 0; change < 100; change += 1) {
    catalogs.invalidate('key')
    advance(10)
    read('search')
  }
  expect(asked()).toEqual([])
  advance(5_000)
  read('search')
  await answer('fingerprint', 'two')
  await expect.poll(asked).toEqual([])
})

test('a check that was begun before a change does not count', async () => {
  const { catalogs, first, read, answer, answerAll, advance } = setup()
  await first()
  advance(1_001)
  const stale = Promise.resolve(read())
  catalogs.invalidate('key')
  const fresh = Promise.resolve(read())
  await answer('fingerprint', 'one')
  await stale
  await answerAll('two')
  expect((await fresh).version).toBeGreaterThan((await stale).version)
})

test('who waits along with somebody whose session ends asks for itself', async () => {
  const { read, answerAll, answer } = setup()
  const one = Promise.resolve(read()).catch(error => error.message)
  const other = Promise.resolve(read())
  await answer('fingerprint', 'bad')
  expect(await one).toContain('no rights')
  await answerAll('one')
  expect((await other).version).toBeGreaterThan(0)
})

test('a connection that is gone when it is used again is opened anew', async () => {
  const { first, read, answer, advance, opened } = setup()
  const known = await first()
  advance(1_001)
  const checked = Promise.resolve(read())
  opened[0]?.close()
  await expect.poll(() => opened.length).toBe(2)
  await answer('fingerprint', 'one').catch(() => answer('fingerprint', 'one'))
  expect(await checked).toBe(known)
})

test('a check that fails fails what definitions decide, while tables go on with what is known', async () => {
  const { first, read, advance, opened, refuse } = setup()
  const known = await first()
  refuse()
  opened[0]?.close()
  advance(6_000)
  await expect(Promise.resolve(read())).rejects.toMatchObject({ code: 'target_unavailable' })
  expect(read('tables')).toBe(known)
  expect(read()).toBeInstanceOf(Promise)
  await expect(Promise.resolve(read())).rejects.toMatchObject({ code: 'target_unavailable' })
  advance(15_001)
  expect(await read('tables')).toBe(known)
})

test('tables do not go on when a change has passed that nobody could look at', async () => {
  const { catalogs, first, read, opened, refuse } = setup()
  await first()
  refuse()
  opened[0]?.close()
  catalogs.invalidate('key')
  await expect(Promise.resolve(read('tables'))).rejects.toMatchObject({ code: 'target_unavailable' })
})

test('a catalog that cannot be read fails for those who wait, and is tried again by the next', async () => {
  const { read, answer, answerAll } = setup()
  const failing = Promise.resolve(read()).catch(error => error.message)
  await answer('fingerprint', 'one')
  await answer('catalog', 'bad')
  expect(await failing).toBe('Cannot read the catalog: no rights')
  const again = Promise.resolve(read())
  await answerAll('one')
  expect((await again).version).toBeGreaterThan(0)
})

test('nothing stays open once the gateway closes', async () => {
  const { catalogs, first } = setup()
  await first()
  expect(catalogs.connections.open).toBe(1)
  catalogs.close()
  expect(catalogs.connections.open).toBe(0)
})
