import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { openPostgresPool } from '../../src/store/postgres-pool.js'
import { openStore } from '../../src/store/store.js'
import { storeContract } from './contract.js'

const folder = mkdtempSync(join(tmpdir(), 'hoop-store-'))
const databases: string[] = []

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  for (const name of databases) await asSuperuser('postgres', `drop database "${name}" with (force)`)
})

storeContract('SQLite', () => openStore({ kind: 'sqlite', file: join(folder, 'contract', 'hoop.db') }))
storeContract('PostgreSQL', async () => openStore({ kind: 'postgres', url: await newDatabase() }))

describe('a PostgreSQL store', () => {
  test('five gateways that start at once on an empty database all come up', async () => {
    const url = await newDatabase()
    const stores = await Promise.all([1, 2, 3, 4, 5].map(() => openStore({ kind: 'postgres', url })))
    await Promise.all(stores.map(store => store.close()))
  })

  test('the database itself refuses to change the audit log', async () => {
    const url = await newDatabase()
    const store = await openStore({ kind: 'postgres', url })
    await store.audit.append({ at: new Date(0), actor: { kind: 'gateway' }, action: 'gateway.started' })
    for (const text of ['update audit set action = $$x$$', 'delete from audit', 'truncate audit']) {
      await expect(onUrl(url, text)).rejects.toThrow('the audit log only grows')
    }
    await store.close()
  })

  test('a commit waits for the disk, also where the server says otherwise', async () => {
    const url = await newDatabase()
    await asSuperuser('postgres', `alter database "${databases.at(-1)}" set synchronous_commit = off`)
    const pool = openPostgresPool(url, () => undefined)
    expect((await pool.query('show synchronous_commit')).rows).toEqual([{ synchronous_commit: 'on' }])
    await pool.end()
  })

  test('a connection that is cut while somebody has it does not end the process', async () => {
    const pool = openPostgresPool(await newDatabase(), () => undefined)
    const client = await pool.connect()
    const cut = new Promise(resolve => client.once('end', resolve))
    const { rows } = await client.query('select pg_backend_pid() as pid')
    await asSuperuser('postgres', `select pg_terminate_backend(${Number(rows[0]?.pid)})`)
    await cut
    client.release(true)
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await pool.end()
  })

  test('a database that is not there is an error that names no password', async () => {
    const { host, port } = inject('postgres')
    const url = `postgres://postgres:hunter2-secret@${host}:${port}/nowhere`
    const error = await openStore({ kind: 'postgres', url }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'store_unavailable' })
    expect(JSON.stringify([String(error), error])).not.toContain('hunter2')
  })

  test('a lost connection fails the query that has it, and those that come later work', async () => {
    const url = await newDatabase()
    const broken: Error[] = []
    const store = await openStore({ kind: 'postgres', url, onConnectionError: error => broken.push(error) })
    await onUrl(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'hoop-gateway' and datname = current_database()`,
    )
    // Each connection that was idle may fail one query before the pool knows.
    await expect.poll(() => store.audit.list({ limit: 1 }).catch(() => 'lost')).toEqual([])
    await store.close()
  })
})

async function newDatabase(): Promise<string> {
  const name = `store_${process.pid}_${databases.length}`
  databases.push(name)
  await asSuperuser('postgres', `create database "${name}"`)
  return urlOf(name)
}

function urlOf(database: string): string {
  const { host, port, superuser, superuserPassword } = inject('postgres')
  return `postgres://${superuser}:${encodeURIComponent(superuserPassword)}@${host}:${port}/${database}`
}

function asSuperuser(database: string, text: string): Promise<pg.QueryResult> {
  return onUrl(urlOf(database), text)
}

async function onUrl(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await client.query(text)
  } finally {
    await client.end()
  }
}
