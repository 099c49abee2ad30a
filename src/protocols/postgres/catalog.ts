import type { Catalog, CatalogColumn, CatalogRelation } from '../../domain/catalog.js'
import { unreachable } from '../../lib/unreachable.js'
import type { CatalogAction, CatalogReader } from '../protocol.js'
import { FIRST_USER_OID, readCode } from './catalog-code.js'
import { readConstraint, readNumbers } from './catalog-constraints.js'
import {
  CATALOG_OPTIONAL,
  CATALOG_QUERIES,
  CATALOG_STATEMENTS,
  type CatalogQuery,
} from './catalog-queries.js'
import { SimpleQuery } from './simple-query.js'

type Cells = readonly (string | null)[]

/**
 * Reads what a database is made of, in one round trip over a connection of the gateway's own. Needs no privilege beyond
 * those of PUBLIC.
 */
export function readCatalog(version: number): CatalogReader {
  return new PostgresCatalogReader(version)
}

class PostgresCatalogReader implements CatalogReader {
  readonly #version: number
  readonly #query: SimpleQuery
  readonly #rows: Record<CatalogQuery, Cells[]> = {
    relations: [],
    columns: [],
    reads: [],
    parents: [],
    callers: [],
    constraints: [],
    functions: [],
    operators: [],
    casts: [],
    plainTypes: [],
    definitions: [],
  }
  #isOver = false

  constructor(version: number) {
    this.#version = version
    this.#query = new SimpleQuery(CATALOG_STATEMENTS.map(({ text }) => text).join(';\n'))
  }

  begin(): readonly CatalogAction[] {
    return [{ kind: 'toTarget', bytes: this.#query.bytes }]
  }

  fromTarget(chunk: Buffer): readonly CatalogAction[] {
    if (this.#isOver) return []
    for (const event of this.#query.fromTarget(chunk)) {
      switch (event.kind) {
        case 'row': {
          const full = this.#keep(event.statement, event.cells)
          if (full !== undefined) return this.#end({ kind: 'failed', message: full })
          break
        }
        case 'done':
          return this.#end({ kind: 'catalog', catalog: buildCatalog(this.#version, this.#rows) })
        case 'failed':
          return this.#end(this.#failed(event))
        default:
          unreachable(event)
      }
    }
    return []
  }

  /** Without the definitions it is still a snapshot: views are then masked by what they read. */
  #failed({ message, at }: { readonly message: string; readonly at: number | undefined }): CatalogAction {
    if (at === undefined || CATALOG_STATEMENTS[at]?.answers !== CATALOG_OPTIONAL)
      return { kind: 'failed', message: `the catalog cannot be read: ${message}` }
    return { kind: 'catalog', catalog: buildCatalog(this.#version, { ...this.#rows, definitions: [] }) }
  }

  /** Keeps a row; says why when there are too many to know them all. Part of a catalog would be a wrong one. */
  #keep(statement: number, cells: Cells): string | undefined {
    const name = CATALOG_STATEMENTS[statement]?.answers
    if (name === undefined) return 'the catalog cannot be read: a row answers nothing that was asked'
    const rows = this.#rows[name]
    rows.push(cells)
    const { rowsMax } = CATALOG_QUERIES[name]
    return rows.length > rowsMax
      ? `the database is too large: it has more than ${rowsMax} ${name}`
      : undefined
  }

  #end(action: CatalogAction): readonly CatalogAction[] {
    this.#isOver = true
    return [action]
  }
}

function buildCatalog(version: number, rows: Readonly<Record<CatalogQuery, readonly Cells[]>>): Catalog {
  const columns = groupByOid(rows.columns, readColumn)
  const reads = groupByOid(rows.reads, ([, oid, column]) => ({ oid: Number(oid), column: Number(column) }))
  const parents = groupByOid(rows.parents, ([, parent]) => Number(parent))
  const definitions = new Map(rows.definitions.map(([oid, text]) => [Number(oid), text ?? '']))
  const constraints = groupByOid(rows.constraints, readConstraint)
  const callers = new Set(rows.callers.map(([oid]) => Number(oid)))
  const byOid = new Map<number, CatalogRelation>()
  const byName = new Map<string, CatalogRelation[]>()
  for (const [oidText, schema, name, kind] of rows.relations) {
    const oid = Number(oidText)
    const definition = definitions.get(oid)
    const checked = constraints.get(oid)
    const relation: CatalogRelation = {
      oid,
      schema: schema ?? '',
      name: name ?? '',
      kind: readKind(kind),
      columns: columns.get(oid) ?? [],
      reads: mergeReads(reads.get(oid) ?? []),
      parents: parents.get(oid) ?? [],
      callsFunctions: callers.has(oid),
      ...(checked === undefined ? {} : { constraints: checked }),
      ...(definition === undefined ? {} : { definition }),
    }
    byOid.set(oid, relation)
    const namesakes = byName.get(relation.name)
    if (namesakes === undefined) byName.set(relation.name, [relation])
    else namesakes.push(relation)
  }
  const userFunctions = new Set(rows.functions.map(([name]) => name ?? ''))
  return { version, byOid, byName, userFunctions, code: readCode(rows), firstUserOid: FIRST_USER_OID }
}

/** By the OID in the first cell. */
function groupByOid<T>(rows: readonly Cells[], read: (cells: Cells) => T): Map<number, T[]> {
  const groups = new Map<number, T[]>()
  for (const cells of rows) {
    const oid = Number(cells[0])
    const group = groups.get(oid)
    if (group === undefined) groups.set(oid, [read(cells)])
    else group.push(read(cells))
  }
  return groups
}

function readColumn([, number, name, typeOid, generated]: Cells): CatalogColumn {
  const column = { number: Number(number), name: name ?? '', typeOid: Number(typeOid) }
  const isGenerated = generated !== undefined && generated !== null
  return isGenerated ? { ...column, generatedFrom: readNumbers(generated) } : column
}

/** System columns (below 0) hold no data; 0 stands for the whole row. */
function mergeReads(
  reads: readonly { readonly oid: number; readonly column: number }[],
): CatalogRelation['reads'] {
  const byOid = new Map<number, number[]>()
  for (const { oid, column } of reads) {
    const columns = byOid.get(oid) ?? []
    byOid.set(oid, column < 0 ? columns : [...columns, column].sort((one, other) => one - other))
  }
  return [...byOid].map(([oid, columns]) => ({ oid, columns }))
}

function readKind(kind: string | null | undefined): CatalogRelation['kind'] {
  if (kind === 'v' || kind === 'm') return 'view'
  return kind === 'f' ? 'foreign' : 'table'
}
