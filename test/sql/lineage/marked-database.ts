import pg from 'pg'
import { expect } from 'vitest'
import type { Catalog } from '../../../src/domain/catalog.js'
import type { OutputLineage, StatementLineage } from '../../../src/domain/lineage.js'
import { openShop, type ShopDatabase } from '../../masking/shop-database.js'
import type { PostgresDetails } from '../../setup/postgres.js'
import { RELATIONS } from './random-selects.js'

/** A database in which every column holds a marker of its own, so that a value says where it comes from. */
export interface MarkedDatabase {
  readonly shop: ShopDatabase
  readonly client: pg.Client
  readonly catalog: Catalog
  /** Marker to column, `oid.number`. */
  readonly markers: ReadonlyMap<string, string>
  close(): Promise<void>
}

/** Makes the database anew. */
export async function openMarked(server: PostgresDetails, database: string): Promise<MarkedDatabase> {
  const shop = await openShop(server, database)
  await shop.run('CREATE SCHEMA other; CREATE SCHEMA shadow')
  const entries = Object.entries(RELATIONS)
  for (const [index, [name, columns]] of entries.entries()) {
    const values = columns.map(column => `'k${'abc'[index]}${column}'`)
    await shop.run(`CREATE TABLE ${name} (id int, ${columns.map(column => `${column} text`).join(', ')})`)
    await shop.run(`INSERT INTO ${name} VALUES (1, ${values.join(', ')}), (2, ${values.join(', ')})`)
  }
  const catalog = await shop.readCatalog()
  const markers = new Map<string, string>()
  for (const [index, [name, columns]] of entries.entries()) {
    const relation = [...catalog.byOid.values()].find(one => `${one.schema}.${one.name}` === name)
    columns.forEach((column, at) => {
      markers.set(`k${'abc'[index]}${column}`, `${relation?.oid}.${at + 2}`)
    })
  }
  const { socketDirectory: host, port, superuser: user } = server
  const client = new pg.Client({ host, port, user, database })
  await client.connect()
  await client.query("SET statement_timeout = '2s'")
  return {
    ...{ shop, client, catalog, markers },
    close: async () => {
      await client.end()
      await shop.close()
    },
  }
}

/** What a text gave, by result; undefined when it failed. */
export async function answersOf(
  client: pg.Client,
  text: string,
): Promise<readonly pg.QueryArrayResult<unknown[]>[] | undefined> {
  try {
    const types = { getTypeParser: () => (value: string) => value }
    const answer: unknown = await client.query<unknown[]>({ text, rowMode: 'array', types })
    return (Array.isArray(answer) ? answer : [answer]) as pg.QueryArrayResult<unknown[]>[]
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    return undefined
  }
}

/** The columns whose markers are in a value, as they are, backwards or in capitals. */
export function columnsIn(value: unknown, { markers }: MarkedDatabase): readonly string[] {
  if (typeof value !== 'string') return []
  const text = value.toLowerCase()
  const backwards = [...text].reverse().join('')
  return [...markers].flatMap(([marker, place]) =>
    text.includes(marker) || backwards.includes(marker) ? [place] : [],
  )
}

/** True when a value of this lineage may hold something of the column `oid.number`. */
export function allows(lineage: OutputLineage | undefined, place: string): boolean {
  if (lineage === undefined || lineage.kind === 'unknown') return true
  return lineage.columns.some(({ oid, number }) => `${oid}.${number}` === place)
}

/** The lineage of one output; undefined where nothing is said. */
export function outputOf(
  lineage: StatementLineage | undefined,
  index: number,
  count: number,
): OutputLineage | undefined {
  if (lineage?.kind === 'any') return lineage.lineage
  return lineage?.kind === 'outputs' && lineage.outputs.length === count ? lineage.outputs[index] : undefined
}

/** Checks one result against the lineage of its statement. Gives the number of outputs of which something was said. */
export function checkResult(
  result: pg.QueryArrayResult<unknown[]>,
  lineage: StatementLineage | undefined,
  database: MarkedDatabase,
): number {
  let known = 0
  const count = result.fields.length
  for (let index = 0; index < count; index += 1) {
    const output = outputOf(lineage, index, count)
    if (output?.kind === 'columns' && lineage?.kind === 'outputs') known += 1
    const seen = new Set(result.rows.flatMap(row => columnsIn(row[index], database)))
    expect([...seen].filter(place => !allows(output, place))).toEqual([])
  }
  return known
}
