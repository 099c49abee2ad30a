import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { startDeviceLogin } from '../../src/identity/device-login.js'
import { refreshProviderTokens } from '../../src/identity/provider-session.js'
import { withRefreshLock } from '../../src/identity/refresh-lock.js'
import { approveDeviceCode, startOpenIdProvider } from '../setup/openid-provider.js'
import { ANN, CLIENT_ID, SCOPES } from './accounts.js'

const GATEWAY = 'https://gateway.example'
const root = mkdtempSync(join(tmpdir(), 'hoop-lock-'))
const children: ChildProcess[] = []
let cases = 0
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(root, { recursive: true, force: true })
})
const newDirectory = () => join(root, `case-${cases++}`)

test('only one at a time is inside, and every one gets in', async () => {
  const directory = newDirectory()
  let inside = 0
  let most = 0
  const visits = Array.from({ length: 25 }, () =>
    withRefreshLock({ directory, gateway: GATEWAY }, async () => {
      inside += 1
      most = Math.max(most, inside)
      await new Promise(resolve => setImmediate(resolve))
      inside -= 1
    }),
  )
  await Promise.all(visits)
  expect(most).toBe(1)
  expect(readdirSync(directory)).toEqual([])
})

test('parallel commands that refresh with rotation do not burn the refresh token', async () => {
  const provider = await startOpenIdProvider({ accounts: [ANN], clientId: CLIENT_ID })
  const client = { issuer: provider.issuer, clientId: CLIENT_ID }
  const login = await startDeviceLogin({ ...client, scopes: SCOPES, clock: () => new Date() })
  await approveDeviceCode(provider, login.userCode, ANN)
  const file = join(root, 'refresh-token')
  const tokens = await login.poll(new AbortController().signal)
  writeFileSync(file, tokens.refreshToken ?? '')
  const directory = newDirectory()
  const refresh = () =>
    withRefreshLock({ directory, gateway: GATEWAY }, async () => {
      const fresh = await refreshProviderTokens(client, readFileSync(file, 'utf8'))
      writeFileSync(file, fresh.refreshToken ?? '')
      return fresh.idToken
    })
  expect(await Promise.all([refresh(), refresh(), refresh(), refresh()])).toHaveLength(4)
  await provider.stop()
})

test('what fails inside frees the lock', async () => {
  const options = { directory: newDirectory(), gateway: GATEWAY, waitMs: 0 }
  await expect(withRefreshLock(options, () => Promise.reject(new Error('offline')))).rejects.toThrow(
    'offline',
  )
  expect(await withRefreshLock(options, async () => 'in')).toBe('in')
})

test('different gateways do not wait for each other', async () => {
  const directory = newDirectory()
  const inner = () =>
    withRefreshLock({ directory, gateway: 'https://other.example', waitMs: 0 }, async () => 'in')
  expect(await withRefreshLock({ directory, gateway: GATEWAY }, inner)).toBe('in')
})

test('the wait has an end, and can be aborted', async () => {
  const options = { directory: newDirectory(), gateway: GATEWAY }
  await withRefreshLock(options, async () => {
    await expect(withRefreshLock({ ...options, waitMs: 60 }, async () => 'in')).rejects.toMatchObject({
      code: 'conflict',
      message: 'Cannot use the login: another hoop command is busy with it',
    })
    const signal = AbortSignal.abort(new Error('Ctrl-C'))
    await expect(withRefreshLock({ ...options, signal }, async () => 'in')).rejects.toThrow('Ctrl-C')
  })
})

test('the lock of a command that was killed is taken over, by one of many', async () => {
  const directory = newDirectory()
  const child = await holdInOtherProcess(directory)
  await expect(
    withRefreshLock({ directory, gateway: GATEWAY, waitMs: 60 }, async () => 'in'),
  ).rejects.toMatchObject({
    code: 'conflict',
  })
  child.kill('SIGKILL')
  await once(child, 'exit')
  let inside = 0
  const visits = Array.from({ length: 12 }, () =>
    withRefreshLock({ directory, gateway: GATEWAY, waitMs: 10_000 }, async () => {
      inside += 1
      expect(inside).toBe(1)
      await new Promise(resolve => setImmediate(resolve))
      inside -= 1
    }),
  )
  await Promise.all(visits)
})

async function holdInOtherProcess(directory: string): Promise<ChildProcess> {
  const program = `
    import { withRefreshLock } from ${JSON.stringify(join(import.meta.dirname, '../../src/identity/refresh-lock.ts'))}
    await withRefreshLock({ directory: ${JSON.stringify(directory)}, gateway: ${JSON.stringify(GATEWAY)} }, () => {
      process.stdout.write('held')
      return new Promise(() => setInterval(() => undefined, 1000))
    })`
  const tsx = createRequire(import.meta.url).resolve('tsx')
  const child = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  await once(child.stdout, 'data')
  return child
}
