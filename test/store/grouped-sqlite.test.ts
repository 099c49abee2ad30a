import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { afterAll, expect, test } from 'vitest'
import { GroupedSqliteDialect } from '../../src/store/grouped-sqlite.js'
import { openSqlite, type SqliteConnection } from '../../src/store/sqlite-driver.js'

interface Schema {
  readonly notes: { readonly id: number; readonly text: string }
}

const root = mkdtempSync(join(tmpdir(), 'hoop-grouped-'))
let files = 0
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A database with one table, and every statement without parameters that it was given. `fail` makes one of them fail. */
async function open({ fail }: { readonly fail?: string } = {}) {
  files += 1
  const real = openSqlite(join(root, `${files}.db`), process.versions.node)
  real.exec('create table notes (id integer primary key, text text not null)')
  const told: string[] = []
  const connection: SqliteConnection = {
    close: () => real.close(),
    prepare: text => real.prepare(text),
    exec: text => {
      told.push(text)
      if (text === fail) throw new Error(`${text} failed`)
      real.exec(text)
    },
  }
  const database = new Kysely<Schema>({ dialect: new GroupedSqliteDialect(connection) })
  const write = (id: number, text = `note ${id}`) =>
    database.insertInto('notes').values({ id, text }).execute()
  const ids = async () => (await database.selectFrom('notes').select('id').execute()).map(({ id }) => id)
  return { database, told, write, ids }
}

test('writes that are asked for at once share one commit', async () => {
  const { told, write, ids } = await open()
  await Promise.all([write(1), write(2), write(3)])
  expect(told).toEqual(['begin', 'commit'])
  expect(await ids()).toEqual([1, 2, 3])
})

test('a write on its own needs no transaction', async () => {
  const { told, write, ids } = await open()
  await write(1)
  expect(told).toEqual([])
  expect(await ids()).toEqual([1])
})

test('a promise settles when its write can be read, and not before', async () => {
  const { write, ids } = await open()
  let settled = false
  const writing = Promise.all([write(1), write(2)]).then(() => {
    settled = true
  })
  expect(await ids()).toEqual([])
  expect(settled).toBe(false)
  await writing
  expect(await ids()).toEqual([1, 2])
})

test('a write that fails takes no other with it', async () => {
  const { write, ids } = await open()
  const results = await Promise.allSettled([write(1), write(1), write(2)])
  expect(results.map(result => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(await ids()).toEqual([1, 2])
})

test('a commit that fails is not an answer: each write is tried on its own', async () => {
  const { told, write, ids } = await open({ fail: 'commit' })
  await Promise.all([write(1), write(2)])
  expect(told).toEqual(['begin', 'commit', 'rollback'])
  expect(await ids()).toEqual([1, 2])
})

test('writes say how many rows they changed, in a group too', async () => {
  const { database, write } = await open()
  await Promise.all([write(1), write(2)])
  const update = (id: number) =>
    database.updateTable('notes').set({ text: 'new' }).where('id', '=', id).executeTakeFirst()
  const [first, third] = await Promise.all([update(1), update(3)])
  expect([first.numUpdatedRows, third.numUpdatedRows]).toEqual([1n, 0n])
})

test('nobody else reads or writes while a transaction is open', async () => {
  const { database, write, ids } = await open()
  const seen: string[] = []
  const transaction = database.transaction().execute(async inside => {
    await inside.insertInto('notes').values({ id: 1, text: 'inside' }).execute()
    await new Promise(resolve => setImmediate(resolve))
    seen.push('transaction')
  })
  const other = write(2).then(() => seen.push('write'))
  const reading = ids().then(found => seen.push(`read ${found.join()}`))
  await Promise.all([transaction, other, reading])
  expect(seen[0]).toBe('transaction')
  expect(await ids()).toEqual([1, 2])
})

test('two transactions at once run one after the other', async () => {
  const { database, ids } = await open()
  const add = (id: number) =>
    database.transaction().execute(async inside => {
      await inside.insertInto('notes').values({ id, text: 'a' }).execute()
      await new Promise(resolve => setImmediate(resolve))
    })
  await Promise.all([add(1), add(2), add(3)])
  expect(await ids()).toEqual([1, 2, 3])
})

test('a transaction that fails leaves nothing and lets the next one in', async () => {
  const { database, write, ids } = await open()
  const failing = database.transaction().execute(async inside => {
    await inside.insertInto('notes').values({ id: 1, text: 'a' }).execute()
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  await write(2)
  expect(await ids()).toEqual([2])
})

test('a transaction whose commit fails leaves nothing and lets the next one in', async () => {
  const { database, write, ids } = await open({ fail: 'commit' })
  const failing = database.transaction().execute(async inside => {
    await inside.insertInto('notes').values({ id: 1, text: 'a' }).execute()
  })
  await expect(failing).rejects.toThrow('commit failed')
  await write(2)
  expect(await ids()).toEqual([2])
})

test('what waits when the store is closed is written first', async () => {
  const { database, write } = await open()
  const writing = Promise.all([write(1), write(2)])
  await new Promise(resolve => queueMicrotask(() => resolve(undefined)))
  await sql`select 1`.execute(database)
  await database.destroy()
  await expect(writing).resolves.toHaveLength(2)
})
