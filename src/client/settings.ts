import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { makePrivateDirectory, writePrivateFile } from '../identity/private-file.js'
import { HoopError } from '../lib/hoop-error.js'

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Which gateway this person uses, and where the CLI keeps what it keeps. */
export interface Settings {
  /** `https://gateway.example.com`, no path. */
  readonly gateway: string
  /** Trusted beside the system's authorities. */
  readonly caFile: string | undefined
  readonly directory: string
}

/** Where the CLI's own files are: `$HOOP_CONFIG_DIR`, else `$XDG_CONFIG_HOME/hoop`, else `~/.config/hoop`. */
function settingsDirectory(env: Environment): string {
  if (env.HOOP_CONFIG_DIR) return resolve(env.HOOP_CONFIG_DIR)
  return join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'hoop')
}

/** Reads which gateway to use: the environment first, then what `hoop login` remembered. Fails with `not_logged_in`. */
export async function readSettings(env: Environment): Promise<Settings> {
  const directory = settingsDirectory(env)
  const saved = await readSaved(directory)
  const named = env.HOOP_GATEWAY || saved.gateway
  if (named === undefined) {
    throw new HoopError('not_logged_in', 'Cannot reach a gateway: none is known yet', {
      hint: 'hoop login https://GATEWAY',
    })
  }
  const gateway = readGatewayUrl(named)
  const caFile = env.HOOP_CA_FILE || (gateway === saved.gateway ? saved.caFile : undefined)
  return {
    gateway,
    caFile: caFile === undefined ? undefined : resolve(caFile),
    directory,
  }
}

/** Remembers the gateway for the next command. */
export async function saveSettings({ directory, gateway, caFile }: Settings): Promise<void> {
  await makePrivateDirectory(directory, 'the settings')
  const text = `${JSON.stringify({ gateway, ...(caFile === undefined ? {} : { caFile }) }, undefined, 2)}\n`
  await writePrivateFile(join(directory, 'config.json'), Buffer.from(text))
}

/** Reads a gateway's address typed by a person: https, no path; `https://` may be left out. */
export function readGatewayUrl(text: string): string {
  const address = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || url.protocol !== 'https:' || (url.pathname !== '/' && url.pathname !== '')) {
    throw new HoopError(
      'usage',
      `Cannot use gateway "${text}": an address like https://gateway.example.com is expected`,
    )
  }
  if (url.username !== '' || url.password !== '') {
    throw new HoopError('usage', 'Cannot use this gateway address: it holds a user name or a password')
  }
  return url.origin
}

async function readSaved(
  directory: string,
): Promise<{ readonly gateway?: string; readonly caFile?: string }> {
  const text = await readFile(join(directory, 'config.json'), 'utf8').catch(() => undefined)
  if (text === undefined) return {}
  try {
    const saved: unknown = JSON.parse(text)
    if (saved === null || typeof saved !== 'object') return {}
    return {
      ...('gateway' in saved && typeof saved.gateway === 'string' ? { gateway: saved.gateway } : {}),
      ...('caFile' in saved && typeof saved.caFile === 'string' ? { caFile: saved.caFile } : {}),
    }
  } catch {
    return {}
  }
}
