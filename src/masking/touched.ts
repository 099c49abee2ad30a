import type { Catalog, CatalogRelation } from '../domain/catalog.js'
import type { FlowFacts, RelationName, RelationUse } from '../domain/facts.js'
import type { ColumnRule, ProtectedColumns } from './protected-columns.js'
import { valueColumnsOf } from './system-relations.js'

/** What the rules are checked against: one catalog snapshot and the columns that are protected in it. */
export interface Protection {
  readonly catalog: Catalog
  readonly columns: ProtectedColumns
}

/** What the relations of a statement can be. Several candidates for a name all count: the search path is the client's. */
export interface Touched {
  /** Relations with protected columns. */
  readonly relations: readonly CatalogRelation[]
  /** Names of the protected columns, of all of them together and of the system's relations that hold values. */
  readonly names: ReadonlySet<string>
  /** The rule that a person is told; undefined when nothing protected is touched. */
  readonly rule: ColumnRule | undefined
  /** A relation of the system is read that can hold values of others. */
  readonly systemValues: boolean
  /** A relation has a column whose type is the database's own, and not one that is known to have no code. */
  readonly ownTypes: boolean
  /** A relation is read that the snapshot does not know, or a temporary one. */
  readonly unknownRead: boolean
  /** A relation that the snapshot does not know is written or defined. */
  readonly unknownWritten: boolean
}

/** What a name can stand for. */
export type Resolved =
  | { readonly kind: 'candidates'; readonly relations: readonly CatalogRelation[]; readonly system: boolean }
  | { readonly kind: 'system' }
  | { readonly kind: 'unknown' }

const SYSTEM_SCHEMAS: ReadonlySet<string> = new Set(['pg_catalog', 'information_schema'])

/** Finds every relation that a name can mean. Temporary and TOAST schemas are unknown: nobody else sees into them. */
export function resolveRelation({ schema, name }: RelationName, catalog: Catalog): Resolved {
  if (schema !== undefined && SYSTEM_SCHEMAS.has(schema)) return { kind: 'system' }
  const all = catalog.byName.get(name) ?? []
  const relations = schema === undefined ? all : all.filter(one => one.schema === schema)
  const isSystemName = schema === undefined && name.startsWith('pg_')
  if (relations.length > 0) return { kind: 'candidates', relations, system: isSystemName }
  return isSystemName ? { kind: 'system' } : { kind: 'unknown' }
}

/** Says which protected columns the relations of a statement have. */
export function touch(flow: FlowFacts, { catalog, columns }: Protection): Touched {
  const relations = new Set<CatalogRelation>()
  const names = new Set<string>()
  let rule: ColumnRule | undefined
  let systemValues = false
  let ownTypes = false
  let unknownRead = false
  let unknownWritten = false
  for (const use of usesOf(flow)) {
    const resolved = resolveRelation(use, catalog)
    if (resolved.kind === 'unknown') {
      if (use.access === 'read') unknownRead = true
      else unknownWritten = true
    }
    for (const relation of resolved.kind === 'candidates' ? resolved.relations : []) {
      ownTypes ||= hasOwnTypes(relation, catalog)
      const found = columns.byOid.get(relation.oid)
      if (found === undefined) continue
      relations.add(relation)
      rule ??= found.values().next().value
      for (const column of relation.columns) if (found.has(column.number)) names.add(column.name)
    }
    const held = isPlain(use, resolved) ? undefined : valueColumnsOf(use.name)
    if (held === undefined) continue
    systemValues = true
    rule ??= columns.anyRule
    for (const name of held) names.add(name)
  }
  return { relations: [...relations], names, rule, systemValues, ownTypes, unknownRead, unknownWritten }
}

function hasOwnTypes({ columns }: CatalogRelation, { code, firstUserOid }: Catalog): boolean {
  // Without code of its own nothing takes such a value.
  if (code === undefined) return false
  return columns.some(({ typeOid }) => typeOid >= firstUserOid && !code.plainTypeOids.has(typeOid))
}

/** True where the name is not the system's. TOAST tables are, though the snapshot has none of them. */
function isPlain({ schema }: RelationName, resolved: Resolved): boolean {
  if (resolved.kind === 'unknown') return schema !== 'pg_toast'
  return resolved.kind === 'candidates' && !resolved.system
}

function* usesOf(flow: FlowFacts): Iterable<RelationUse> {
  yield* flow.relations
  if (flow.copy?.relation !== undefined) {
    yield { ...flow.copy.relation, access: flow.copy.direction === 'out' ? 'read' : 'write' }
  }
}
