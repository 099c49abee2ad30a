import type { Catalog, CatalogRelation } from '../domain/catalog.js'
import type { RelationName } from '../domain/facts.js'
import type { ResolveTables } from './activation.js'

/**
 * Makes the resolver for one snapshot of a catalog. A name stands for every relation it could mean, because the search
 * path is the client's to change; a view also for what it reads, a partition also for what it is a part of. So a rule
 * that names a table holds for every way to reach it. A name the catalog does not know stands for itself.
 */
export function makeTableResolver(catalog: Catalog): ResolveTables {
  return relation => {
    const candidates = (catalog.byName.get(relation.name) ?? []).filter(
      candidate => relation.schema === undefined || candidate.schema === relation.schema,
    )
    if (candidates.length === 0) return [spellUnknown(relation)]
    return [...reach(catalog, candidates)].map(reached => `${reached.schema}.${reached.name}`)
  }
}

/** Everything that is read or written through these relations, themselves included. */
function reach(catalog: Catalog, from: readonly CatalogRelation[]): ReadonlySet<CatalogRelation> {
  const reached = new Set(from)
  // A set grows while it is walked, and holds each relation once: views that go round in circles end.
  for (const relation of reached) {
    for (const oid of [...relation.reads.map(read => read.oid), ...relation.parents]) {
      const next = catalog.byOid.get(oid)
      if (next !== undefined) reached.add(next)
    }
  }
  return reached
}

function spellUnknown({ schema, name }: RelationName): string {
  if (schema !== undefined) return `${schema}.${name}`
  // PostgreSQL looks into pg_catalog first, whatever the search path, and its relations are called pg_ something.
  return name.startsWith('pg_') ? `pg_catalog.${name}` : name
}
