import { saltPassword, scramKeys } from './scram.js'

/** As many as PostgreSQL takes by itself. The password is 256 random bits: more would protect nothing. */
const ITERATIONS = 4096
const SALT_BYTES = 16

/**
 * What a connection for roles is opened with. INVARIANT 9: it stands above what the account or the database has set, so
 * that names and strings mean what they say. Nothing waits for ever: a lock that a client left behind ends in an error.
 */
export const ROLE_CONNECTION_SETTINGS = {
  application_name: 'hoop roles',
  search_path: 'pg_catalog',
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  statement_timeout: '20s',
  lock_timeout: '3s',
  default_transaction_read_only: 'off',
  default_transaction_isolation: 'read committed',
} as const

/** A name in a text of SQL. The only way a name gets into one. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A string in a text of SQL, with `standard_conforming_strings` on. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Strings as a list in a text of SQL; never empty, which SQL has no word for. */
export function quoteTexts(texts: readonly string[]): string {
  return texts.map(quoteText).join(', ')
}

/**
 * What the server keeps of a password (RFC 5803). Sent in its place, so that neither the statement nor any log of the
 * server ever holds what would let somebody in.
 */
export function scramVerifier(password: string, randomBytes: (size: number) => Uint8Array): string {
  const salt = Buffer.from(randomBytes(SALT_BYTES))
  const { storedKey, serverKey } = scramKeys(saltPassword(password, salt, ITERATIONS))
  const keys = `${storedKey.toString('base64')}:${serverKey.toString('base64')}`
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${keys}`
}
