import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { MIGRATIONS } from '../../src/store/migrations.js'
import { openSqlite } from '../../src/store/sqlite-driver.js'
import { openStore } from '../../src/store/store.js'
import { makeGrant } from './contract.js'

const root = mkdtempSync(join(tmpdir(), 'hoop-sqlite-'))
const children: ChildProcess[] = []
let files = 0

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(root, { recursive: true, force: true })
})

const newFile = () => join(root, `case-${files++}`, 'hoop.db')
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

test('nobody else on the machine can read the store', async () => {
  const file = newFile()
  const store = await openStore({ kind: 'sqlite', file })
  await store.grants.insert(makeGrant({}))
  const paths = [file, `${file}-wal`, `${file}.lock`].filter(existsSync)
  expect(paths).toContain(file)
  expect(paths.map(modeOf)).toEqual(paths.map(() => '600'))
  expect(modeOf(join(file, '..'))).toBe('700')
  await store.close()
})

test('a folder that everybody can write to is refused', async () => {
  const file = newFile()
  mkdirSync(join(file, '..'))
  chmodSync(join(file, '..'), 0o777)
  await expect(openStore({ kind: 'sqlite', file })).rejects.toMatchObject({
    code: 'store_unavailable',
    message: `Cannot open the store "${file}": everybody can write to its folder`,
  })
})

test('a second gateway on the same file is refused while the first one runs, in one process or two', async () => {
  const file = newFile()
  const holder = await holdInOtherProcess(file)
  const refused = {
    code: 'store_unavailable',
    message: `Cannot open the store "${file}": another gateway is using it`,
  }
  await expect(openStore({ kind: 'sqlite', file })).rejects.toMatchObject(refused)
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  const store = await openStore({ kind: 'sqlite', file })
  await expect(openStore({ kind: 'sqlite', file })).rejects.toMatchObject(refused)
  await store.grants.insert(makeGrant({}))
  await expect(openStore({ kind: 'sqlite', file })).rejects.toMatchObject(refused)
  await store.close()
  await (await openStore({ kind: 'sqlite', file })).close()
})

test('what was acknowledged before a SIGKILL is there afterwards', async () => {
  const file = newFile()
  const holder = await holdInOtherProcess(file)
  const seen = holder.stdout === null ? [] : await once(holder.stdout, 'data')
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  const store = await openStore({ kind: 'sqlite', file })
  const entries = await store.audit.list({ limit: 1000 })
  expect(entries.length).toBeGreaterThanOrEqual(String(seen[0]).trim().split('\n').length)
  await store.close()
})

test('a store that a newer program has used is refused and stays as it is', async () => {
  const file = newFile()
  const newer = { name: '9999-next-year', up: async () => undefined }
  await (await openStore({ kind: 'sqlite', file, migrations: [...MIGRATIONS, newer] })).close()
  await expect(openStore({ kind: 'sqlite', file })).rejects.toMatchObject({
    code: 'store_unavailable',
    message: 'Cannot open the store: its schema "9999-next-year" is newer than this program',
  })
  await (await openStore({ kind: 'sqlite', file, migrations: [...MIGRATIONS, newer] })).close()
})

for (let steps = 0; steps < MIGRATIONS.length; steps += 1) {
  test(`a store with ${steps} of the ${MIGRATIONS.length} schema steps is brought up to date`, async () => {
    const file = newFile()
    await (await openStore({ kind: 'sqlite', file, migrations: MIGRATIONS.slice(0, steps) })).close()
    const store = await openStore({ kind: 'sqlite', file })
    await store.audit.append({ at: new Date(0), actor: { kind: 'gateway' }, action: 'gateway.started' })
    await store.close()
  })
}

test('a schema step that fails leaves nothing behind', async () => {
  const file = newFile()
  const failing = { name: '0005-fails', up: () => Promise.reject(new Error('disk on fire')) }
  await expect(
    openStore({ kind: 'sqlite', file, migrations: [...MIGRATIONS, failing] }),
  ).rejects.toMatchObject({
    code: 'store_unavailable',
  })
  const bare = openSqlite(file, process.versions.node)
  expect(bare.prepare('select name from sqlite_master').all([])).toEqual([])
  bare.close()
})

test('the database itself refuses to change the audit log', async () => {
  const file = newFile()
  const store = await openStore({ kind: 'sqlite', file })
  await store.audit.append({ at: new Date(0), actor: { kind: 'gateway' }, action: 'gateway.started' })
  await store.close()
  const bare = openSqlite(file, process.versions.node)
  expect(() => bare.exec(`update audit set action = 'x'`)).toThrow('the audit log only grows')
  expect(() => bare.exec('delete from audit')).toThrow('the audit log only grows')
  bare.close()
})

test('a file that is no database is an error with a reason', async () => {
  const file = newFile()
  mkdirSync(join(file, '..'))
  writeFileSync(file, 'not a database, just some text that is long enough to be looked at'.repeat(20))
  await expect(openStore({ kind: 'sqlite', file })).rejects.toMatchObject({ code: 'store_unavailable' })
})

/** Opens the store in a process of its own, which appends to the audit log and prints a line for each entry. */
async function holdInOtherProcess(file: string): Promise<ChildProcess> {
  const program = `
    import { openStore } from ${JSON.stringify(join(import.meta.dirname, '../../src/store/store.ts'))}
    const store = await openStore({ kind: 'sqlite', file: ${JSON.stringify(file)} })
    for (let n = 0; n < 200; n += 1) {
      await store.audit.append({ at: new Date(0), actor: { kind: 'gateway' }, action: 'entry' })
      process.stdout.write(n + '\\n')
    }
    setInterval(() => undefined, 1000)`
  const tsx = createRequire(import.meta.url).resolve('tsx')
  const child = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  if (child.stdout !== null) await once(child.stdout, 'readable')
  return child
}
