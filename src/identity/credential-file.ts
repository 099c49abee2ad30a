import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { SecretVault } from './keychain.js'
import { createPrivateFile, makePrivateDirectory, readPrivateFile, writePrivateFile } from './private-file.js'
import { withFileLock } from './refresh-lock.js'

const PURPOSE = 'the login'
const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const VERSION = 1
/** Says what the key is for, so that the same random bytes would give another key for anything else. */
const KEY_CONTEXT = 'hoop credentials v1'
const MACHINE_ID_FILES = ['/etc/machine-id', '/var/lib/dbus/machine-id']

/**
 * Secrets in a file, for machines without a keychain: `credentials` (AES-256-GCM, one entry an account) and
 * `credentials.key` (32 random bytes), both 0600 in a 0700 folder. The key is also bound to the machine's id, so that a
 * copy of the folder in a backup is of no use on its own. Whoever can run programs as this account can read them: that
 * is what a keychain is for.
 */
export function openCredentialFile(directory: string): SecretVault & { readonly path: string } {
  const path = join(directory, 'credentials')
  const keyPath = join(directory, 'credentials.key')
  const change = <Result>(edit: (entries: Map<string, string>) => Result): Promise<Result> =>
    withFileLock({ path: `${path}.lock`, purpose: PURPOSE }, async () => {
      const entries = await readEntries(path)
      const before = JSON.stringify([...entries])
      const result = edit(entries)
      if (JSON.stringify([...entries]) !== before) await writeEntries(path, entries)
      return result
    })
  return {
    path,
    read: async account => {
      const sealed = (await readEntries(path)).get(account)
      const key = sealed === undefined ? undefined : await readKey(keyPath)
      return sealed === undefined || key === undefined ? undefined : open(sealed, { account, key })
    },
    write: async (account, secret) => {
      await makePrivateDirectory(directory, PURPOSE)
      const key = await openKey(keyPath)
      await change(entries => void entries.set(account, seal(secret, { account, key })))
    },
    delete: async account => {
      if (!(await readEntries(path)).has(account)) return false
      return change(entries => entries.delete(account))
    },
  }
}

async function readEntries(path: string): Promise<Map<string, string>> {
  const bytes = await readPrivateFile(path, PURPOSE)
  const entries = new Map<string, string>()
  for (const [account, sealed] of Object.entries(parseEntries(bytes?.toString('utf8') ?? ''))) {
    if (typeof sealed === 'string') entries.set(account, sealed)
  }
  return entries
}

/** A file that is damaged or of another version holds nothing: signing in again is all it takes. */
function parseEntries(text: string): object {
  try {
    const file: unknown = JSON.parse(text)
    const isOurs = typeof file === 'object' && file !== null && 'version' in file && file.version === VERSION
    if (!isOurs || !('entries' in file)) return {}
    return typeof file.entries === 'object' && file.entries !== null ? file.entries : {}
  } catch {
    return {}
  }
}

async function writeEntries(path: string, entries: ReadonlyMap<string, string>): Promise<void> {
  const text = JSON.stringify({ version: VERSION, entries: Object.fromEntries(entries) }, undefined, 2)
  await writePrivateFile(path, Buffer.from(`${text}\n`))
}

async function openKey(path: string): Promise<Buffer> {
  const known = await readKey(path)
  if (known !== undefined) return known
  if (!(await createPrivateFile(path, randomBytes(KEY_BYTES)))) {
    const other = await readKey(path)
    if (other !== undefined) return other
    // A file of another length is no key. What it could have opened is lost already.
    await writePrivateFile(path, randomBytes(KEY_BYTES))
  }
  return (await readKey(path)) ?? Buffer.alloc(0)
}

async function readKey(path: string): Promise<Buffer | undefined> {
  const random = await readPrivateFile(path, PURPOSE)
  if (random === undefined || random.length !== KEY_BYTES) return undefined
  return Buffer.from(hkdfSync('sha256', random, machineId(), KEY_CONTEXT, KEY_BYTES))
}

function machineId(): string {
  for (const file of MACHINE_ID_FILES) {
    try {
      const id = readFileSync(file, 'utf8').trim()
      if (id !== '') return id
    } catch {
      // Not on this system: the next one, or the name of the host.
    }
  }
  return hostname()
}

interface Sealing {
  /** Authenticated with the text: an entry that is moved to another account does not open. */
  readonly account: string
  readonly key: Buffer
}

function seal(secret: string, { account, key }: Sealing): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(account))
  const body = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64')
}

/** Nothing when it does not open: another machine, another key, or somebody changed it. */
function open(sealed: string, { account, key }: Sealing): string | undefined {
  const bytes = Buffer.from(sealed, 'base64')
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
  const nonce = bytes.subarray(0, NONCE_BYTES)
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(account)).setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
  try {
    return (
      decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    )
  } catch {
    return undefined
  }
}
