import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { type PostgresServer, startPostgres } from '../setup/postgres.js'

const SHOP_SQL = fileURLToPath(new URL('shop.sql', import.meta.url))
const RULES_YAML = fileURLToPath(new URL('rules.yaml', import.meta.url))
const DATABASE = 'shop'

/** The sample shop's database, and what a gateway needs to stand before it. */
export interface Shop {
  readonly server: PostgresServer
  /** The `connections` of `hoop.yaml`. */
  readonly connections: readonly object[]
  /** Its other keys: house rules and masking. */
  readonly config: Readonly<Record<string, unknown>>
  /** For the gateway's environment. */
  readonly secrets: Readonly<Record<string, string>>
  /** What no client may ever receive: numbers as they are stored, and the passwords of the accounts. */
  readonly unseen: readonly string[]
}

/** Starts PostgreSQL with the sample shop in it and an account for each role. */
export async function startShop(): Promise<Shop> {
  const server = await startPostgres({ tls: 'required' })
  try {
    const secrets = {
      SHOP_READER_PASSWORD: randomBytes(18).toString('base64url'),
      SHOP_WRITER_PASSWORD: randomBytes(18).toString('base64url'),
      SHOP_MASKING_KEY: randomBytes(32).toString('base64url'),
    }
    await server.createDatabase(DATABASE)
    await server.sql(
      DATABASE,
      `CREATE ROLE shop_reader LOGIN PASSWORD '${secrets.SHOP_READER_PASSWORD}';
       CREATE ROLE shop_writer LOGIN PASSWORD '${secrets.SHOP_WRITER_PASSWORD}';
       ${readFileSync(SHOP_SQL, 'utf8')}`,
    )
    const unseen = [...(await storedNumbers(server)), ...Object.values(secrets)]
    return { server, connections: [connectionTo(server)], config: rules(), secrets, unseen }
  } catch (error) {
    await server.stop()
    throw error
  }
}

function connectionTo({ port, caFile }: PostgresServer): object {
  return {
    name: 'shop',
    description: 'Customers, orders and payments of the sample shop',
    type: 'postgres',
    address: `127.0.0.1:${port}`,
    agent: 'beside-db',
    tls: { mode: 'verify-full', ca_file: caFile },
    database: DATABASE,
    roles: [
      { name: 'reader', user: 'shop_reader', password: 'env:SHOP_READER_PASSWORD' },
      { name: 'writer', user: 'shop_writer', password: 'env:SHOP_WRITER_PASSWORD' },
    ],
  }
}

/** The house rules, which are YAML as a person would write it. */
function rules(): Readonly<Record<string, unknown>> {
  const read: unknown = parse(readFileSync(RULES_YAML, 'utf8'))
  if (read === null || typeof read !== 'object') throw new Error('rules.yaml is not a map')
  return { ...read }
}

/** Every protected value as it is stored, and card numbers also in groups of four. */
async function storedNumbers(server: PostgresServer): Promise<readonly string[]> {
  const rows = await server.sql(
    DATABASE,
    `SELECT ssn FROM customers UNION SELECT email FROM customers UNION SELECT phone FROM customers
     UNION SELECT card_number FROM customers UNION SELECT card_number FROM payments
     UNION SELECT regexp_replace(card_number, '(\\d{4})(?=\\d)', '\\1 ', 'g') FROM customers
     UNION SELECT replace(ssn, '-', '') FROM customers`,
  )
  return rows.split('\n')
}
