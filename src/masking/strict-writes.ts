import type { Catalog, CatalogConstraint, CatalogRelation } from '../domain/catalog.js'
import type { RelationName } from '../domain/facts.js'
import { unreachable } from '../lib/unreachable.js'
import type { Flow } from './flow.js'
import type { ColumnRule } from './protected-columns.js'
import { type Protection, resolveRelation } from './touched.js'

/** A constraint that answers a write with what a masked column holds. */
export interface ProbedColumn {
  /** `schema.table.column` */
  readonly column: string
  readonly rule: ColumnRule
  readonly constraint: CatalogConstraint['kind']
}

/** Columns of one relation that a statement writes; `all` where it names none, or names those of a view over it. */
interface Written {
  readonly relation: CatalogRelation
  readonly names: ReadonlySet<string> | 'all'
}

/** Stands for a column that nobody names: an expression or a condition of the constraint. */
const ANY = 0

/**
 * The first constraint through which a write tells about a masked column: a value that is taken, `ON CONFLICT DO NOTHING`
 * without a row, a foreign key that finds its value, a check of a written column against a masked one that stays.
 */
export function findProbing({ facts }: Flow, protection: Protection): ProbedColumn | undefined {
  if (facts.uses.written.length === 0) return undefined
  const targets: RelationName[] = facts.relations.filter(use => use.access === 'write')
  const names = facts.uses.written.includes('*') ? ('all' as const) : new Set(facts.uses.written)
  const waiting = targets.flatMap(target => {
    const resolved = resolveRelation(target, protection.catalog)
    return resolved.kind === 'candidates' ? resolved.relations.map(relation => ({ relation, names })) : []
  })
  return findInAll(waiting, protection)
}

/** Rows go through views to the tables below, and through parents to their parts, each with constraints of its own. */
function findInAll(waiting: Written[], protection: Protection): ProbedColumn | undefined {
  const { catalog } = protection
  const seen = new Set<number>()
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { relation, names } = next
    if (seen.has(relation.oid)) continue
    seen.add(relation.oid)
    for (const constraint of relation.constraints ?? []) {
      const probed = probe(constraint, next, protection)
      if (probed !== undefined) return probed
    }
    for (const child of partsOf(catalog).get(relation.oid) ?? []) waiting.push({ relation: child, names })
    if (relation.kind !== 'view') continue
    for (const { oid } of relation.reads) {
      const below = catalog.byOid.get(oid)
      if (below !== undefined) waiting.push({ relation: below, names: 'all' })
    }
  }
  return undefined
}

function probe(
  { kind, columns, references }: CatalogConstraint,
  { relation, names }: Written,
  { catalog, columns: found }: Protection,
): ProbedColumn | undefined {
  const isWritten = (name: string): boolean => names === 'all' || names.has(name)
  const involved = relation.columns.filter(({ number }) => columns.includes(ANY) || columns.includes(number))
  if (!involved.some(({ name }) => isWritten(name))) return undefined
  const rules = found.byOid.get(relation.oid)
  const tell = (of: CatalogRelation, number: number | undefined): ProbedColumn | undefined => {
    const rule = number === undefined ? undefined : found.byOid.get(of.oid)?.get(number)
    const name = of.columns.find(column => column.number === number)?.name
    if (rule === undefined || name === undefined) return undefined
    return { column: `${of.schema}.${of.name}.${name}`, rule, constraint: kind }
  }
  switch (kind) {
    case 'unique':
      return tell(relation, involved.find(({ number }) => rules?.has(number))?.number)
    case 'check': {
      const stays = involved.find(({ number, name }) => rules?.has(number) === true && !isWritten(name))
      return tell(relation, stays?.number)
    }
    case 'foreign': {
      const target = references === undefined ? undefined : catalog.byOid.get(references.oid)
      const masked = references?.columns.find(number => found.byOid.get(references.oid)?.has(number))
      return target === undefined ? undefined : tell(target, masked)
    }
    default:
      return unreachable(kind)
  }
}

const PARTS = new WeakMap<Catalog, ReadonlyMap<number, readonly CatalogRelation[]>>()

/** Relations by the OID of what they are parts of; made once for a snapshot. */
function partsOf(catalog: Catalog): ReadonlyMap<number, readonly CatalogRelation[]> {
  const known = PARTS.get(catalog)
  if (known !== undefined) return known
  const parts = new Map<number, CatalogRelation[]>()
  for (const relation of catalog.byOid.values()) {
    for (const parent of relation.parents) parts.set(parent, [...(parts.get(parent) ?? []), relation])
  }
  PARTS.set(catalog, parts)
  return parts
}
