import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import type { Catalog } from '../../src/domain/catalog.js'
import type { Masker } from '../../src/masking/masker.js'
import type { ColumnSource, RowPlan, StatementMasking } from '../../src/masking/statement-masking.js'
import { isTraceable, takesRow } from '../../src/masking/traceable-functions.js'
import { isTraceableType } from '../../src/masking/traceable-types.js'
import { readCatalog } from '../../src/protocols/postgres/catalog.js'
import { traceLineage } from '../../src/sql/lineage/trace-lineage.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import type { PostgresDetails } from '../setup/postgres.js'

const SCHEMA = readFileSync(new URL('../corpus/postgres-schema.sql', import.meta.url), 'utf8')

/** What a person sees of a text: that it was refused, or every value and message that reaches the client. */
export type Seen =
  | { readonly kind: 'refused'; readonly message: string }
  | {
      readonly kind: 'answered'
      readonly values: readonly (string | null)[]
      readonly messages: readonly string[]
      readonly failed: boolean
    }

/** A real database with the schema of the corpus, and one connection on which texts run as the gateway would mask them. */
export interface ShopDatabase {
  readCatalog(): Promise<Catalog>
  run(text: string): Promise<void>
  see(text: string, masker: Masker, format?: 'text' | 'binary'): Promise<Seen>
  close(): Promise<void>
}

/** Makes the database anew. `name` is the test's own. */
export async function openShop(server: PostgresDetails, name: string): Promise<ShopDatabase> {
  const admin = await connectTo(server, 'postgres')
  await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  await admin.query(`CREATE DATABASE ${name}`)
  // The roles of the schema belong to the server; the superuser sees the most, so the test runs as that.
  const schema = SCHEMA.split('\n').filter(line => !/^create role|^create sequence/.test(line))
  const client = await connectTo(server, name)
  for (const line of schema) await client.query(line)
  let catalog: Catalog | undefined
  return {
    readCatalog: async () => {
      catalog = await readCatalogOf(server, name)
      return catalog
    },
    run: async text => {
      await client.query(text)
    },
    see: (text, masker, format = 'text') => see(client, { text, masker, format, catalog }),
    close: async () => {
      await client.end()
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
      await admin.end()
    },
  }
}

async function connectTo(server: PostgresDetails, database: string): Promise<pg.Client> {
  const { socketDirectory, port, superuser } = server
  const client = new pg.Client({ host: socketDirectory, port, user: superuser, database })
  await client.connect()
  return client
}

/** Feeds the catalog's reader over a plain connection; over the unix socket everyone is trusted. */
function readCatalogOf(server: PostgresDetails, database: string): Promise<Catalog> {
  const reader = readCatalog(1)
  const socket = connect(join(server.socketDirectory, `.s.PGSQL.${server.port}`))
  const parameters = Buffer.from(`user\0${server.superuser}\0database\0${database}\0\0`)
  const start = Buffer.alloc(8)
  start.writeInt32BE(8 + parameters.length, 0)
  start.writeInt32BE(196_608, 4)
  socket.write(Buffer.concat([start, parameters]))
  let isReady = false
  let before = Buffer.alloc(0)
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('data', chunk => {
      if (!isReady) {
        before = Buffer.concat([before, chunk])
        isReady = before.subarray(-6, -1).equals(Buffer.from([0x5a, 0, 0, 0, 5]))
        if (isReady)
          for (const action of reader.begin()) if (action.kind === 'toTarget') socket.write(action.bytes)
        return
      }
      for (const action of reader.fromTarget(chunk)) {
        if (action.kind === 'catalog') resolve(action.catalog)
        if (action.kind === 'failed') reject(new Error(action.message))
        if (action.kind !== 'toTarget') socket.destroy()
      }
    })
  })
}

interface SeeOptions {
  readonly text: string
  readonly masker: Masker
  readonly format: 'text' | 'binary'
  /** The snapshot that was read last; lineage is traced on it, as the gateway does. */
  readonly catalog: Catalog | undefined
}

async function see(client: pg.Client, { text, masker, format, catalog }: SeeOptions): Promise<Seen> {
  const facts = readPostgresText(text)
  const statements = facts.understood ? facts.statements : []
  const options = { isTraceable, isBuiltInType: isTraceableType, takesRow }
  const judged = masker.judge(statements, facts, statement =>
    catalog === undefined ? undefined : traceLineage(text, catalog, options)[statements.indexOf(statement)],
  )
  if (judged.kind === 'refused') return { kind: 'refused', message: judged.message }
  const { masking } = judged
  const messages: string[] = []
  const keep = (notice: {
    readonly message?: string | undefined
    readonly detail?: string | undefined
  }): void => {
    const fields = masking.hidesMessages ? [notice.message] : [notice.message, notice.detail]
    for (const field of fields) if (field !== undefined) messages.push(masking.maskText(field))
  }
  client.on('notice', keep)
  try {
    const raw = { getTypeParser: () => (value: string | Buffer) => value }
    const query = { text, rowMode: 'array' as const, types: raw, binary: format === 'binary' }
    const answer: unknown = await client.query(query)
    const results = (Array.isArray(answer) ? answer : [answer]) as pg.QueryArrayResult<
      (string | Buffer | null)[]
    >[]
    return {
      kind: 'answered',
      values: results.flatMap((result, statement) => masked(result, { masking, format, statement })),
      messages,
      failed: false,
    }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    keep(error)
    return { kind: 'answered', values: [], messages, failed: true }
  } finally {
    client.off('notice', keep)
  }
}

function masked(
  result: pg.QueryArrayResult<(string | Buffer | null)[]>,
  {
    masking,
    format,
    statement,
  }: {
    readonly masking: StatementMasking
    readonly format: 'text' | 'binary'
    readonly statement: number
  },
): readonly (string | null)[] {
  const columns = result.fields.map(
    (field): ColumnSource => ({
      name: field.name,
      tableOid: field.tableID,
      columnNumber: field.columnID,
      typeOid: field.dataTypeID,
      format,
    }),
  )
  const plan = masking.planRows(columns, statement)
  return result.rows.flatMap(row => row.map((value, index) => seenValue(value, plan, index)))
}

function seenValue(value: string | Buffer | null, plan: RowPlan | undefined, index: number): string | null {
  if (value === null) return null
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value
  const entry = plan?.[index]
  const shown = entry === undefined ? bytes : entry.mask(bytes)
  return shown === null ? null : shown.toString('latin1')
}
