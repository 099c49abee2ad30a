import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readSettings, saveSettings } from '../../src/client/settings.js'

const folder = mkdtempSync(join(tmpdir(), 'hoop-settings-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const GATEWAY = 'https://gateway.example.com'

function place(name: string): { readonly directory: string; readonly env: Record<string, string> } {
  const directory = join(folder, name)
  return { directory, env: { HOOP_CONFIG_DIR: directory } }
}

test('what a login remembered is read by the next command', async () => {
  const { directory, env } = place('remembered')
  await saveSettings({ directory, gateway: GATEWAY, caFile: '/etc/ca.pem' })
  expect(await readSettings(env)).toEqual({ gateway: GATEWAY, caFile: '/etc/ca.pem', directory })
})

test('the authority of a gateway is known also when its address is written in another way', async () => {
  const { directory, env } = place('written')
  await saveSettings({ directory, gateway: GATEWAY, caFile: '/etc/ca.pem' })
  for (const written of [
    'gateway.example.com',
    'https://gateway.example.com/',
    'HTTPS://GATEWAY.example.com',
  ]) {
    expect(await readSettings({ ...env, HOOP_GATEWAY: written })).toMatchObject({ caFile: '/etc/ca.pem' })
  }
  const other = await readSettings({ ...env, HOOP_GATEWAY: 'https://other.example.com' })
  expect(other.caFile).toBeUndefined()
})

test('logins at the same time leave one whole file, for this account alone', async () => {
  const { directory, env } = place('parallel')
  const saved = { directory, gateway: GATEWAY, caFile: undefined }
  await Promise.all(Array.from({ length: 20 }, () => saveSettings(saved)))
  expect(await readSettings(env)).toEqual(saved)
  expect(readdirSync(directory)).toEqual(['config.json'])
  expect(statSync(join(directory, 'config.json')).mode & 0o777).toBe(0o600)
})
