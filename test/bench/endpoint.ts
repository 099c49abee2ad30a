import { cleanEnvironment } from '../setup/postgres.js'

/** Where a client connects, and as whom. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** The environment of a libpq program for this endpoint. No TLS: all of it is on this machine. */
export function clientEnvironment({ host, port, user, password, database }: Endpoint): NodeJS.ProcessEnv {
  return {
    ...cleanEnvironment(),
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: database,
    PGSSLMODE: 'disable',
    PGGSSENCMODE: 'disable',
  }
}
