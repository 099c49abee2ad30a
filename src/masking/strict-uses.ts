import type { UseFacts, UseKind, ValueUse } from '../domain/facts.js'
import type { RuleName } from '../domain/names.js'
import type { Flow } from './flow.js'
import { valueColumnsOf } from './system-relations.js'
import { type Protection, resolveRelation } from './touched.js'

/** A masked column that a statement does more with than to show it. */
export interface ProtectedUse {
  /** `schema.table.column`, or the name as written where a relation of the system or a `*` brings the value. */
  readonly column: string
  /** Absent when it is the system's: no rule names it. */
  readonly rule: RuleName | undefined
  readonly kind: UseKind
}

/** Stands for every column, and for one that nobody names. */
const ANY = '*'

/**
 * The first use of a masked column, followed by name: an alias of a masked column is one, everywhere in the statement.
 * A qualifier that can only stand for tables in which the column is not masked makes a use harmless.
 */
export function findProtectedUse({ facts, touched }: Flow, protection: Protection): ProtectedUse | undefined {
  if (touched.rule === undefined) return undefined
  const origins = followNames(touched.names, facts.uses)
  for (const use of facts.uses.used) {
    const origin = use.name === ANY ? ANY : origins.get(use.name)
    if (origin === undefined || isOfAnother(use, facts.uses, protection)) continue
    return { ...nameOrigin(origin, use, { touched, protection }), kind: use.kind }
  }
  return undefined
}

/** Every name that a masked column can have in the statement, with the name it began with. */
function followNames(names: ReadonlySet<string>, { renames }: UseFacts): ReadonlyMap<string, string> {
  const origins = new Map([...names].map(name => [name, name]))
  const byFrom = new Map<string, string[]>()
  for (const { from, to } of renames) byFrom.set(from, [...(byFrom.get(from) ?? []), to])
  // A name is added once, so this ends: bounded by the number of renames.
  const waiting = [...names, ANY]
  for (let from = waiting.pop(); from !== undefined; from = waiting.pop()) {
    for (const to of byFrom.get(from) ?? []) {
      if (origins.has(to)) continue
      origins.set(to, origins.get(from) ?? ANY)
      waiting.push(to)
    }
  }
  return origins
}

/** True when the qualifier stands for tables alone, and in none of them the column is masked. */
function isOfAnother({ qualifier, name }: ValueUse, { rows }: UseFacts, protection: Protection): boolean {
  if (qualifier === undefined) return false
  const meant = rows.filter(row => row.name === qualifier)
  return meant.length > 0 && meant.every(({ relation }) => relation && !holds(relation, name, protection))
}

function holds(
  relation: { readonly schema: string | undefined; readonly name: string },
  column: string,
  { catalog, columns }: Protection,
): boolean {
  const resolved = resolveRelation(relation, catalog)
  if (resolved.kind === 'unknown') return true
  const system = resolved.kind === 'system' || resolved.system ? valueColumnsOf(relation.name) : undefined
  if (system !== undefined && (column === ANY || system.includes(column))) return true
  if (resolved.kind === 'system') return false
  return resolved.relations.some(one => {
    const found = columns.byOid.get(one.oid)
    return (
      found !== undefined &&
      (column === ANY || one.columns.some(c => c.name === column && found.has(c.number)))
    )
  })
}

interface Naming {
  readonly touched: Flow['touched']
  readonly protection: Protection
}

function nameOrigin(
  origin: string,
  use: ValueUse,
  { touched, protection }: Naming,
): Omit<ProtectedUse, 'kind'> {
  for (const relation of touched.relations) {
    const found = protection.columns.byOid.get(relation.oid)
    for (const { number, name } of relation.columns) {
      const rule = found?.get(number)
      if (rule === undefined || (origin !== ANY && name !== origin)) continue
      return { column: `${relation.schema}.${relation.name}.${name}`, rule: rule.name }
    }
  }
  return { column: origin === ANY ? use.name : origin, rule: undefined }
}
