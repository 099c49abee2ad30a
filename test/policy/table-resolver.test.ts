import { expect, test } from 'vitest'
import type { Catalog, CatalogRelation } from '../../src/domain/catalog.js'
import { makeTableResolver } from '../../src/policy/table-resolver.js'

const relation = (oid: number, spelled: string, more: Partial<CatalogRelation> = {}): CatalogRelation => {
  const [schema = '', name = ''] = spelled.split('.')
  return {
    oid,
    schema,
    name,
    kind: 'table',
    columns: [],
    reads: [],
    parents: [],
    callsFunctions: false,
    ...more,
  }
}
const view = (oid: number, spelled: string, ...reads: readonly number[]): CatalogRelation =>
  relation(oid, spelled, { kind: 'view', reads: reads.map(one => ({ oid: one, columns: [1] })) })

const relations = [
  relation(1, 'public.customers'),
  relation(2, 'archive.customers'),
  relation(3, 'public.events'),
  relation(4, 'public.events_2026', { parents: [3] }),
  view(5, 'public.people', 1),
  view(6, 'public.folks', 5, 999),
  view(7, 'public.ping', 8),
  view(8, 'public.pong', 7),
]
const byName = new Map<string, CatalogRelation[]>()
for (const one of relations) byName.set(one.name, [...(byName.get(one.name) ?? []), one])
const catalog: Catalog = {
  version: 1,
  byOid: new Map(relations.map(one => [one.oid, one])),
  byName,
  userFunctions: new Set(),
  firstUserOid: 16384,
}
const resolve = makeTableResolver(catalog)

function check(title: string, spelled: string, tables: readonly string[]): void {
  test(title, () => {
    const [first = '', second] = spelled.split('.')
    const name = second === undefined ? { schema: undefined, name: first } : { schema: first, name: second }
    expect([...resolve(name)].sort()).toEqual([...tables].sort())
  })
}

check('a qualified name is that table', 'archive.customers', ['archive.customers'])
check('a bare name is every table of that name', 'customers', ['public.customers', 'archive.customers'])
check('a view is also what it reads', 'people', ['public.people', 'public.customers'])
check('a view over a view reaches the table', 'folks', ['public.folks', 'public.people', 'public.customers'])
check('a partition is also its parent', 'events_2026', ['public.events_2026', 'public.events'])
check('views that read each other end', 'ping', ['public.ping', 'public.pong'])
check('an unknown name stands for itself', 'scratch', ['scratch'])
check('an unknown qualified name stands for itself', 'pg_temp.scratch', ['pg_temp.scratch'])
check('the system catalog is found without its schema', 'pg_class', ['pg_catalog.pg_class'])
check('a name from a prototype is no table', 'constructor', ['constructor'])
