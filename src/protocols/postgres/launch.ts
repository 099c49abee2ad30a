import type { RandomBytes } from '../../domain/ids.js'
import type { Launcher, LaunchPlan, LoopbackEndpoint, LoopbackSecret } from '../launcher.js'
import { saltPassword, scramKeys } from './scram.js'

/** 192 bits: beyond guessing, and short enough to paste into a GUI tool. */
const SECRET_BYTES = 24
const SALT_BYTES = 16
/** The least that RFC 7677, section 4, allows. The secret is random, so stretching it buys nothing. */
const ITERATIONS = 4096

/**
 * Variables of libpq that would take precedence over a plan's or lead elsewhere: a service file, another address, a
 * password, certificates, options with a role in them.
 */
const REMOVED_VARIABLES = [
  'PGHOSTADDR',
  'PGPASSWORD',
  'PGREQUIREAUTH',
  'PGSERVICE',
  'PGSERVICEFILE',
  'PGSSLNEGOTIATION',
  'PGREQUIRESSL',
  'PGSSLCERT',
  'PGSSLKEY',
  'PGSSLROOTCERT',
  'PGSSLCRL',
  'PGSSLCRLDIR',
  'PGREQUIREPEER',
  'PGTARGETSESSIONATTRS',
  'PGLOADBALANCEHOSTS',
  'PGMINPROTOCOLVERSION',
  'PGMAXPROTOCOLVERSION',
] as const

/** How `psql` and its siblings are started on a session's listener: by environment and a private password file. */
export const postgresLauncher: Launcher = { makeSecret, plan }

function makeSecret(randomBytes: RandomBytes): LoopbackSecret {
  const secret = Buffer.from(randomBytes(SECRET_BYTES)).toString('base64url')
  const salt = Buffer.from(randomBytes(SALT_BYTES))
  const { storedKey, serverKey } = scramKeys(saltPassword(secret, salt, ITERATIONS))
  return {
    secret,
    verifier: {
      kind: 'scram-sha-256',
      salt: salt.toString('base64'),
      iterations: ITERATIONS,
      storedKey: storedKey.toString('base64'),
      serverKey: serverKey.toString('base64'),
    },
  }
}

function plan(endpoint: LoopbackEndpoint): LaunchPlan {
  const { host, port, user, database, secret, directory } = endpoint
  const passwordFile = `${directory}/pgpass`
  return {
    program: 'psql',
    package: 'postgresql-client',
    args: [],
    environment: {
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGDATABASE: database,
      PGPASSFILE: passwordFile,
      // The way to the gateway is TLS from the listener on; on the loopback it would protect from nobody.
      PGSSLMODE: 'disable',
      PGGSSENCMODE: 'disable',
      PGCHANNELBINDING: 'disable',
      // The only one that the gateway takes; psql would derive another from the locale.
      PGCLIENTENCODING: 'UTF8',
    },
    removeEnvironment: REMOVED_VARIABLES,
    files: { [passwordFile]: passwordLine(endpoint) },
    profile: { host, port, user, password: secret, database },
  }
}

/** One line of a password file; libpq, "The Password File". Any database: `\c other` works, the gateway decides. */
function passwordLine({ host, port, user, secret }: LoopbackEndpoint): string {
  return `${[host, String(port), '*', user, secret].map(escapeField).join(':')}\n`
}

function escapeField(field: string): string {
  return field === '*' ? field : field.replace(/[\\:]/g, '\\$&')
}
