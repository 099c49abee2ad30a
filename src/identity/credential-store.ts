import { HoopError } from '../lib/hoop-error.js'
import { openCredentialFile } from './credential-file.js'
import { KeychainUnavailable, openKeychain, type SecretVault } from './keychain.js'

/**
 * Windows keeps at most 2560 bytes of a secret, two for each character. The gateway's token, which can be had again, is
 * left out of what would be longer.
 */
const SECRET_LENGTH_MAX = process.platform === 'win32' ? 1200 : 32_768

/** What is kept of a login at a gateway. */
export interface Credential {
  readonly issuer: string
  readonly clientId: string
  /** Absent when the provider gave none: then the login ends with the gateway's token. */
  readonly refreshToken: string | undefined
  /** The gateway's own token of minutes, to spare a round trip to the provider. May be left out by the store. */
  readonly gatewayToken: { readonly token: string; readonly expiresAt: Date } | undefined
}

/** Where logins are kept between two commands. */
export interface CredentialStore {
  /** The login at this gateway; nothing when there is none or when it cannot be read any more. */
  readonly read: (gateway: string) => Promise<Credential | undefined>
  readonly write: (gateway: string, credential: Credential) => Promise<void>
  /** Removes it wherever it is. False when there was none. */
  readonly delete: (gateway: string) => Promise<boolean>
  /** Where logins go, for `hoop whoami` and error reports. */
  readonly description: string
}

/** What the store needs of the world. */
export interface CredentialStoreOptions {
  /** `HOOP_TOKEN_STORE` is `keychain` or `file`; without it, the keychain and else the file. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** For the file; made with mode 0700. */
  readonly directory: string
  /** Gets one line, once, when a login goes into the file because the keychain cannot be used. */
  readonly warn: (line: string) => void
  /** The system's by default. */
  readonly keychain?: SecretVault
}

/**
 * Opens the place for logins: the system's keychain, or an encrypted file where there is none. It never prompts and never
 * waits for longer than two seconds. An entry stays where it is until it is deleted, so that a keychain that comes and
 * goes does not leave two logins of different age.
 *
 * @throws HoopError `configuration` when `HOOP_TOKEN_STORE` has another value
 */
export function openCredentialStore(options: CredentialStoreOptions): CredentialStore {
  const choice = readChoice(options.env.HOOP_TOKEN_STORE)
  const file = openCredentialFile(options.directory)
  const keychain = options.keychain ?? openKeychain(options.env)
  const fileText = `the encrypted file "${file.path}"`
  switch (choice) {
    case 'file':
      return { ...storeIn(file), description: fileText }
    case 'keychain':
      return { ...storeIn(demanded(keychain)), description: 'the system keychain' }
    case 'auto': {
      const either = eitherVault({ keychain, file, path: file.path, warn: options.warn })
      return { ...storeIn(either), description: `the system keychain, else ${fileText}` }
    }
  }
}

function readChoice(text: string | undefined): 'auto' | 'file' | 'keychain' {
  if (text === undefined || text === '') return 'auto'
  if (text === 'file' || text === 'keychain') return text
  throw new HoopError(
    'configuration',
    `Cannot use HOOP_TOKEN_STORE "${text}": it is neither "keychain" nor "file"`,
  )
}

function storeIn(vault: SecretVault): Omit<CredentialStore, 'description'> {
  return {
    read: async gateway => {
      const text = await vault.read(gateway)
      return text === undefined ? undefined : parseCredential(text)
    },
    write: (gateway, credential) => vault.write(gateway, writeCredential(credential)),
    delete: gateway => vault.delete(gateway),
  }
}

/** The keychain alone, because somebody asked for it: that it cannot be used is an error. */
function demanded(keychain: SecretVault): SecretVault {
  const explained = <Result>(work: Promise<Result>): Promise<Result> =>
    work.catch((cause: unknown) => {
      if (!(cause instanceof KeychainUnavailable)) throw cause
      throw new HoopError('configuration', `Cannot use the system keychain: ${cause.message}`, {
        hint: 'unset HOOP_TOKEN_STORE, or set it to "file"',
        cause,
      })
    })
  return {
    read: account => explained(keychain.read(account)),
    write: (account, secret) => explained(keychain.write(account, secret)),
    delete: account => explained(keychain.delete(account)),
  }
}

interface EitherOptions {
  readonly keychain: SecretVault
  readonly file: SecretVault
  readonly path: string
  readonly warn: (line: string) => void
}

function eitherVault({ keychain, file, path, warn }: EitherOptions): SecretVault {
  let warned = false
  return {
    // The file first: it costs a millisecond, and it has an entry only where the keychain could not be used.
    read: async account =>
      (await file.read(account)) ?? (await orElse(keychain.read(account), () => undefined)),
    write: async (account, secret) => {
      if ((await file.read(account)) !== undefined) return file.write(account, secret)
      return orElse(keychain.write(account, secret), async reason => {
        await file.write(account, secret)
        if (!warned)
          warn(`The system keychain cannot be used (${reason}): the login is kept in "${path}", encrypted`)
        warned = true
      })
    },
    delete: async account => {
      const inFile = await file.delete(account)
      const inKeychain = await orElse(keychain.delete(account), () => false)
      return inFile || inKeychain
    },
  }
}

async function orElse<Result>(
  work: Promise<Result>,
  otherwise: (reason: string) => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (error instanceof KeychainUnavailable) return otherwise(error.message)
    throw error
  }
}

function writeCredential({ issuer, clientId, refreshToken, gatewayToken }: Credential): string {
  const long = { issuer, clientId, refreshToken }
  const whole = JSON.stringify(gatewayToken === undefined ? long : { ...long, gatewayToken })
  return whole.length > SECRET_LENGTH_MAX ? JSON.stringify(long) : whole
}

/** Total: what another version or another program wrote is no login. */
function parseCredential(text: string): Credential | undefined {
  const { issuer, clientId, refreshToken, gatewayToken } = parseObject(text)
  if (typeof issuer !== 'string' || typeof clientId !== 'string') return undefined
  if (refreshToken !== undefined && typeof refreshToken !== 'string') return undefined
  return { issuer, clientId, refreshToken, gatewayToken: readGatewayToken(gatewayToken) }
}

function readGatewayToken(value: unknown): Credential['gatewayToken'] {
  const { token, expiresAt } = fields(value)
  if (typeof token !== 'string' || typeof expiresAt !== 'string') return undefined
  const time = new Date(expiresAt)
  return Number.isNaN(time.getTime()) ? undefined : { token, expiresAt: time }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return fields(JSON.parse(text))
  } catch {
    return {}
  }
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}
