import type { Catalog, CatalogRelation } from '../../domain/catalog.js'
import { openShape, type Shape } from './shape.js'
import { columnSource, NOTHING, unknownSources } from './sources.js'

/** Catalogs that hold definitions and nothing of the rows of others (PostgreSQL 18, "System Catalogs"). */
const HARMLESS_CATALOGS: ReadonlySet<string> = new Set(
  (
    'pg_am pg_attribute pg_class pg_collation pg_constraint pg_database pg_depend pg_description pg_enum pg_extension ' +
    'pg_index pg_indexes pg_inherits pg_language pg_matviews pg_namespace pg_opclass pg_operator pg_proc pg_range ' +
    'pg_roles pg_sequence pg_tables pg_tablespace pg_trigger pg_type'
  ).split(' '),
)
const HARMLESS_SCHEMA_VIEWS: ReadonlySet<string> = new Set(
  'columns constraint_column_usage key_column_usage referential_constraints schemata table_constraints tables'.split(
    ' ',
  ),
)

/**
 * The rows of a relation by its name. Without a schema it can be any relation of that name: the search path is the
 * client's. Views and partitions are leaves: which of their columns is protected is decided elsewhere.
 */
export function relationShape(catalog: Catalog, schema: string | undefined, name: string): Shape {
  const all = catalog.byName.get(name) ?? []
  const relations = schema === undefined ? all : all.filter(relation => relation.schema === schema)
  if (isSystem(schema, name)) {
    const harmless = relations.length === 0 && isHarmless(schema, name)
    return openShape(harmless ? NOTHING : unknownSources('it reads a relation of the system'))
  }
  if (relations.length === 0) return openShape(unknownSources('it reads a relation that is not known'))
  return {
    columns: relations.flatMap(columnsOf),
    sealed: false,
    rest: undefined,
    rows: NOTHING,
  }
}

function isSystem(schema: string | undefined, name: string): boolean {
  if (schema === undefined) return name.startsWith('pg_')
  return schema === 'pg_catalog' || schema === 'information_schema'
}

function isHarmless(schema: string | undefined, name: string): boolean {
  return schema === 'information_schema' ? HARMLESS_SCHEMA_VIEWS.has(name) : HARMLESS_CATALOGS.has(name)
}

function columnsOf(relation: CatalogRelation): Shape['columns'] {
  return relation.columns.map(({ number, name }) => ({ name, sources: columnSource(relation.oid, number) }))
}
