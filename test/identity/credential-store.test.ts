import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type Credential, openCredentialStore } from '../../src/identity/credential-store.js'
import { KeychainUnavailable, openKeychain, type SecretVault } from '../../src/identity/keychain.js'

const GATEWAY = 'https://gateway.example'
const root = mkdtempSync(join(tmpdir(), 'hoop-credentials-'))
let cases = 0
afterAll(() => rmSync(root, { recursive: true, force: true }))

const newDirectory = () => join(root, `case-${cases++}`)
const credential = (refreshToken: string): Credential => ({
  issuer: 'https://id.example',
  clientId: 'hoop',
  refreshToken,
  gatewayToken: { token: 'eyJ.gateway', expiresAt: new Date('2026-03-01T09:05:00Z') },
})
const TOKEN = 'refresh-token-that-nobody-may-read'

/** A keychain in memory that can go away. */
function fakeKeychain() {
  const kept = new Map<string, string>()
  let gone: string | undefined
  const open = async () => {
    if (gone !== undefined) throw new KeychainUnavailable(gone)
    return kept
  }
  const vault: SecretVault = {
    read: async account => (await open()).get(account),
    write: async (account, secret) => void (await open()).set(account, secret),
    delete: async account => (await open()).delete(account),
  }
  const leave = (reason: string | undefined) => {
    gone = reason
  }
  return { vault, kept, leave }
}

function openStore(over: { env?: Record<string, string>; directory?: string; keychain?: SecretVault } = {}) {
  const warnings: string[] = []
  const directory = over.directory ?? newDirectory()
  const keychain = over.keychain === undefined ? {} : { keychain: over.keychain }
  const store = openCredentialStore({
    env: over.env ?? {},
    directory,
    warn: line => warnings.push(line),
    ...keychain,
  })
  return { store, warnings, directory }
}
const inFile = (directory = newDirectory()) => openStore({ env: { HOOP_TOKEN_STORE: 'file' }, directory })

describe('a login in the keychain', () => {
  test('reads back, leaves no file, and is gone after a logout', async () => {
    const keychain = fakeKeychain()
    const { store, warnings, directory } = openStore({ keychain: keychain.vault })
    await store.write(GATEWAY, credential(TOKEN))
    expect(await store.read(GATEWAY)).toEqual(credential(TOKEN))
    expect(await store.read('https://other.example')).toBeUndefined()
    expect([existsSync(directory), warnings]).toEqual([false, []])
    expect(await store.delete(GATEWAY)).toBe(true)
    expect(await store.delete(GATEWAY)).toBe(false)
    expect(keychain.kept.size).toBe(0)
  })

  test('goes into the file when the keychain cannot be used, with one line that says so', async () => {
    const keychain = fakeKeychain()
    keychain.leave('it is locked')
    const { store, warnings, directory } = openStore({ keychain: keychain.vault })
    expect(await store.read(GATEWAY)).toBeUndefined()
    await store.write(GATEWAY, credential('one'))
    await store.write('https://other.example', credential('two'))
    expect(await store.read(GATEWAY)).toEqual(credential('one'))
    expect(warnings).toEqual([
      `The system keychain cannot be used (it is locked): the login is kept in "${join(directory, 'credentials')}", encrypted`,
    ])
  })

  test('stays in the file when the keychain comes back, so that there are never two of different age', async () => {
    const keychain = fakeKeychain()
    keychain.leave('it is locked')
    const { store } = openStore({ keychain: keychain.vault })
    await store.write(GATEWAY, credential('one'))
    keychain.leave(undefined)
    await store.write(GATEWAY, credential('two'))
    expect([await store.read(GATEWAY), keychain.kept.size]).toEqual([credential('two'), 0])
    expect(await store.delete(GATEWAY)).toBe(true)
    expect(await store.read(GATEWAY)).toBeUndefined()
  })

  test('that was asked for and cannot be had is an error', async () => {
    const { store } = openStore({ env: { HOOP_TOKEN_STORE: 'keychain' } })
    const error = {
      code: 'configuration',
      message: 'Cannot use the system keychain: there is no session bus',
    }
    await expect(store.read(GATEWAY)).rejects.toMatchObject(error)
    await expect(store.write(GATEWAY, credential(TOKEN))).rejects.toMatchObject(error)
  })

  test('is kept in one of two places and nowhere else', () => {
    expect(() => openStore({ env: { HOOP_TOKEN_STORE: 'memory' } })).toThrow(
      'Cannot use HOOP_TOKEN_STORE "memory": it is neither "keychain" nor "file"',
    )
  })

  for (const text of [
    '',
    '{}',
    'null',
    '[]',
    '{"issuer":1,"clientId":"hoop"}',
    '{"issuer":"a","clientId":"b","refreshToken":7}',
  ]) {
    test(`that reads ${JSON.stringify(text)} is no login`, async () => {
      const keychain = fakeKeychain()
      keychain.kept.set(GATEWAY, text)
      expect(await openStore({ keychain: keychain.vault }).store.read(GATEWAY)).toBeUndefined()
    })
  }
})

describe("the system's keychain", () => {
  test('that is not there is noticed at once', async () => {
    await expect(openKeychain({}).read('x')).rejects.toThrow('there is no session bus')
  })

  test('whose bus accepts a connection and never answers is given up after two seconds', async () => {
    const path = join(root, 'silent-bus')
    const server = createServer(() => undefined)
    await new Promise<void>(resolve => server.listen(path, resolve))
    const started = performance.now()
    const keychain = openKeychain({
      PATH: process.env.PATH,
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${path}`,
    })
    await expect(keychain.read('x')).rejects.toThrow('it gave no answer within 2 s')
    expect(performance.now() - started).toBeLessThan(10_000)
    server.close()
  })

  test('whose bus is gone is an error of one line', async () => {
    const keychain = openKeychain({ DBUS_SESSION_BUS_ADDRESS: `unix:path=${root}/no-such-bus` })
    const error: unknown = await keychain.write('x', TOKEN).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(KeychainUnavailable)
    expect(String(error)).toMatch(/^[\x20-\x7e]+$/)
    expect(String(error)).not.toContain(TOKEN)
  })

  const missing = ['dbus-run-session', 'gnome-keyring-daemon'].filter(
    program => spawnSync('which', [program]).status !== 0,
  )
  test.skipIf(missing.length > 0)(
    `keeps a secret in a real Secret Service${missing.length > 0 ? ` (skipped: ${missing.join(', ')} not installed)` : ''}`,
    () => {
      const script = `
        import { openKeychain } from ${JSON.stringify(join(import.meta.dirname, '../../src/identity/keychain.ts'))}
        const keychain = openKeychain(process.env)
        await keychain.write('https://gateway.example', 'secret-1')
        const read = await keychain.read('https://gateway.example')
        const gone = [await keychain.delete('https://gateway.example'), await keychain.read('https://gateway.example')]
        console.log(JSON.stringify([read, ...gone]))`
      const run = spawnSync(
        'dbus-run-session',
        [
          '--',
          'sh',
          '-c',
          'echo -n pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null; exec "$@"',
          'sh',
          process.execPath,
          '--import',
          'tsx',
          '--input-type=module',
          '-e',
          script,
        ],
        {
          encoding: 'utf8',
          env: { ...process.env, HOME: root, XDG_DATA_HOME: join(root, 'data') },
          timeout: 20_000,
        },
      )
      expect(run.stdout.trim().split('\n').at(-1)).toBe('["secret-1",true,null]')
    },
  )
})

describe('a login in the file', () => {
  test('reads back in another process, encrypted, for this account alone', async () => {
    const { store, directory } = inFile()
    await store.write(GATEWAY, credential(TOKEN))
    expect(await inFile(directory).store.read(GATEWAY)).toEqual(credential(TOKEN))
    for (const name of readdirSync(directory)) {
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600)
      expect(readFileSync(join(directory, name)).includes(TOKEN)).toBe(false)
    }
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    expect(readdirSync(directory).sort()).toEqual(['credentials', 'credentials.key'])
  })

  test('does not open with the key of another machine or of another folder', async () => {
    const [one, other] = [inFile(), inFile()]
    await one.store.write(GATEWAY, credential(TOKEN))
    await other.store.write(GATEWAY, credential('other'))
    renameSync(join(other.directory, 'credentials.key'), join(one.directory, 'credentials.key'))
    expect(await one.store.read(GATEWAY)).toBeUndefined()
    await one.store.write(GATEWAY, credential('again'))
    expect(await one.store.read(GATEWAY)).toEqual(credential('again'))
  })

  test('does not open under the name of another gateway', async () => {
    const { store, directory } = inFile()
    await store.write(GATEWAY, credential(TOKEN))
    const path = join(directory, 'credentials')
    writeFileSync(path, readFileSync(path, 'utf8').replace(GATEWAY, 'https://evil.example'))
    expect(await store.read('https://evil.example')).toBeUndefined()
  })

  test('that was damaged is no login, and the next login repairs it', async () => {
    const { store, directory } = inFile()
    await store.write(GATEWAY, credential(TOKEN))
    const path = join(directory, 'credentials')
    const whole = readFileSync(path, 'utf8')
    for (const text of [
      '',
      '{',
      'null',
      '{"version":2,"entries":{}}',
      '{"version":1,"entries":7}',
      whole.slice(0, 60),
    ]) {
      writeFileSync(path, text)
      expect(await store.read(GATEWAY)).toBeUndefined()
    }
    await store.write(GATEWAY, credential('new'))
    expect(await store.read(GATEWAY)).toEqual(credential('new'))
  })

  const OPEN: readonly (readonly [string, (directory: string) => void])[] = [
    ['a file that others can read', directory => chmodSync(join(directory, 'credentials'), 0o644)],
    ['a key that others can read', directory => chmodSync(join(directory, 'credentials.key'), 0o640)],
    [
      'a file behind a symbolic link',
      directory => {
        renameSync(join(directory, 'credentials'), join(directory, 'elsewhere'))
        symlinkSync(join(directory, 'elsewhere'), join(directory, 'credentials'))
      },
    ],
  ]
  for (const [what, open] of OPEN) {
    test(`is not read from ${what}`, async () => {
      const { store, directory } = inFile()
      await store.write(GATEWAY, credential(TOKEN))
      open(directory)
      await expect(store.read(GATEWAY)).rejects.toMatchObject({ code: 'configuration' })
    })
  }

  test('is not written into a folder that others can open', async () => {
    const directory = newDirectory()
    mkdirSync(directory, { mode: 0o755 })
    await expect(inFile(directory).store.write(GATEWAY, credential(TOKEN))).rejects.toMatchObject({
      code: 'configuration',
      message: `Cannot use the login in "${directory}": other accounts can open it`,
      hint: `chmod go= ${directory}`,
    })
    expect(readdirSync(directory)).toEqual([])
  })

  test('is not lost when twenty commands write at once', async () => {
    const directory = newDirectory()
    const gateways = Array.from({ length: 20 }, (_, number) => `https://gateway-${number}.example`)
    await Promise.all(gateways.map(gateway => inFile(directory).store.write(gateway, credential(gateway))))
    const kept = await Promise.all(gateways.map(gateway => inFile(directory).store.read(gateway)))
    expect(kept.map(one => one?.refreshToken)).toEqual(gateways)
  })
})
