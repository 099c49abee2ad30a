import type { Catalog } from '../../domain/catalog.js'
import type { StatementFacts, TextFacts } from '../../domain/facts.js'
import { HoopError } from '../../lib/hoop-error.js'
import { isTraceableType } from '../../masking/traceable-types.js'
import type { CatalogNeed } from './catalogs.js'

/** The catalog to judge a text with, or the last one that was known when it could not be checked. */
export type FreshCatalog =
  | { readonly kind: 'fresh'; readonly catalog: Catalog }
  | { readonly kind: 'unchecked'; readonly catalog: Catalog; readonly reason: string }

/** Gives the catalog for a text: at once where nothing has to be asked. */
export type ReadFreshCatalog = (facts: TextFacts) => FreshCatalog | Promise<FreshCatalog>

export interface FreshCatalogOptions {
  /** As `Catalogs.read`, for one database. */
  readonly read: (need: CatalogNeed) => Catalog | Promise<Catalog>
  /** False while nothing that is decided depends on definitions: no column is protected, no rule speaks of tables. */
  readonly usesCatalog: () => boolean
}

/**
 * Makes the reader of one client connection. How old a snapshot may be depends on the text: what names tables is told by
 * the server's own descriptions, what names a view, a function or something unknown is decided by definitions that can
 * change behind the same name.
 */
export function makeFreshCatalog({ read, usesCatalog }: FreshCatalogOptions): ReadFreshCatalog {
  const needs = new WeakMap<TextFacts, { readonly catalog: Catalog; readonly need: CatalogNeed }>()
  const needOf = (facts: TextFacts, catalog: Catalog): CatalogNeed => {
    const known = needs.get(facts)
    if (known?.catalog === catalog) return known.need
    const need = readNeed(facts, catalog)
    needs.set(facts, { catalog, need })
    return need
  }
  const choose = (facts: TextFacts, known: Catalog): FreshCatalog | Promise<FreshCatalog> => {
    if (!usesCatalog() || !facts.understood) return { kind: 'fresh', catalog: known }
    const checked = read(needOf(facts, known))
    if (!(checked instanceof Promise)) return { kind: 'fresh', catalog: checked }
    return checked.then(
      catalog => ({ kind: 'fresh', catalog }),
      error => {
        if (!(error instanceof HoopError)) throw error
        return { kind: 'unchecked', catalog: known, reason: error.message }
      },
    )
  }
  return facts => {
    const known = read('search')
    return known instanceof Promise ? known.then(one => choose(facts, one)) : choose(facts, known)
  }
}

function readNeed(facts: TextFacts, catalog: Catalog): CatalogNeed {
  if (!facts.understood) return 'definitions'
  if (facts.statements.every(makesOnly)) return 'search'
  return facts.statements.every(one => namesTablesOnly(one, catalog)) ? 'tables' : 'definitions'
}

/** Tables, sequences and schemas that are made of nothing: no value moves, and a restore makes them by the thousand. */
const MADE_OF_NOTHING: ReadonlySet<string> = new Set([
  ...['CREATE TABLE', 'CREATE SEQUENCE', 'CREATE SCHEMA', 'ALTER SEQUENCE'],
])

function makesOnly({ flow, commands: [command, ...more] }: StatementFacts): boolean {
  if (command === undefined || more.length > 0) return false
  return (
    MADE_OF_NOTHING.has(`${command.verb} ${command.object}`) &&
    !command.opaque &&
    !command.drops &&
    flow.columns.length + flow.functions.length + command.functions.length === 0 &&
    flow.casts.every(isTraceableType) &&
    flow.relations.every(({ access }) => access === 'write')
  )
}

/** True when everything that the statement names is a table that the snapshot knows, alone and not a part of another. */
function namesTablesOnly({ flow, commands }: StatementFacts, catalog: Catalog): boolean {
  const { functions, casts, relations, sessionName, copy } = flow
  if (functions.length > 0 || sessionName?.kind === 'execute' || sessionName?.kind === 'fetch') return false
  if (commands.some(command => command.opaque || command.functions.length > 0)) return false
  const named = copy?.relation === undefined ? relations : [...relations, copy.relation]
  return casts.every(isTraceableType) && named.every(({ name }) => isPlainTable(name, catalog))
}

function isPlainTable(name: string, catalog: Catalog): boolean {
  const found = catalog.byName.get(name) ?? []
  const parents = parentsOf(catalog)
  return (
    found.length > 0 &&
    found.every(one => one.kind === 'table' && one.parents.length === 0 && !parents.has(one.oid))
  )
}

const parentSets = new WeakMap<Catalog, ReadonlySet<number>>()

function parentsOf(catalog: Catalog): ReadonlySet<number> {
  const known = parentSets.get(catalog)
  if (known !== undefined) return known
  const parents = new Set([...catalog.byOid.values()].flatMap(one => one.parents))
  parentSets.set(catalog, parents)
  return parents
}
