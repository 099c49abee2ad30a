import type { Catalog } from '../../domain/catalog.js'
import type { CatalogReader, Protocol, TargetReader } from '../../protocols/protocol.js'
import type { Admission } from '../access/admission.js'
import { OwnConnections } from './own-connections.js'
import type { TargetConnection } from './target.js'

/** How long reading a whole catalog may take, and checking whether it is still true. */
const READ_MS = 30_000
const CHECK_MS = 5_000
/** A catalog without some of its definitions is read again after this long, though nothing changed. */
const INCOMPLETE_MS = 60_000
/** Catalogs kept; each belongs to one connection, role and database. */
const CATALOGS_MAX = 256

/** What somebody needs a catalog for. */
export type CatalogNeed =
  /** To write down what was used: nothing is decided by it. */
  | 'search'
  /**
   * To judge what names tables and nothing else, whose columns the server itself reports by their table: goes on without
   * a check where the target gives none.
   */
  | 'tables'
  /** To judge what definitions decide: views, functions, names that are not known. */
  | 'definitions'

/** Who decides by a catalog waits when the last check of it is older than this. */
const FRESH_MS = 1_000
/** A check is started before that, so that nobody who comes often ever waits: early by three times what one takes. */
const EARLY_MS = { min: 100, max: 500 } as const
/** Who only searches never waits; it is checked when it is older than this. */
const SEARCH_CHECK_MS = 60_000
/** The same after a change has passed: a restore makes thousands of them. */
const CHANGED_CHECK_MS = 5_000
/** After a check that failed, `tables` waits for no other one for this long. */
const FAILING_MS = 15_000

/** The name of a database's catalog: what a role may see of it is the same for all who use the role. */
export function catalogKey({ connection, role }: Admission, database: string): string {
  return [connection.name, role.name, database].join('\0')
}

interface Check {
  readonly startedAt: number
  readonly generation: number
  readonly catalog: Promise<Catalog>
}

interface Seen {
  readonly catalog: Catalog
  readonly fingerprint: string
  readonly readAt: number
}

interface Entry {
  readonly key: string
  catalog: Catalog | undefined
  /** What the definitions were like when the catalog was read, or before. */
  fingerprint: string | undefined
  readAt: number
  /** The catalog was true at this time or later; `-Infinity` when a change has passed since. */
  trueAt: number
  check: Check | undefined
  /** When the last check began, however it ended. */
  checkedAt: number
  tookMs: number
  failedAt: number
  /** Grows when a change passes, so that a check that began before it does not count. */
  generation: number
}

export interface CatalogsOptions {
  readonly protocol: Protocol
  /** A connection of the gateway's own. INVARIANT 9: nothing of a client is part of what it asks. */
  readonly open: () => Promise<TargetConnection>
}

/**
 * What is known of the databases behind the connections, shared by all sessions of a role. A snapshot is never believed
 * without a date: it is checked by a fingerprint of the definitions, and read anew only when that has changed.
 */
export class Catalogs {
  readonly connections = new OwnConnections()
  readonly #entries = new Map<string, Entry>()
  #version = 0

  constructor(readonly now: () => number) {}

  /**
   * The catalog under `key`: at once when it is fresh enough, a promise while it is checked or read. Fails with
   * `target_unavailable`, `limit_exceeded`, or as `open` does; then whoever needs it denies.
   */
  read(key: string, options: CatalogsOptions, need: CatalogNeed = 'definitions'): Catalog | Promise<Catalog> {
    const entry = this.#entry(key)
    if (entry.catalog === undefined) return this.#wait(entry, options)
    if (need === 'search') return this.#search(entry, entry.catalog, options)
    const { catalog, trueAt } = entry
    const age = this.now() - trueAt
    if (age <= FRESH_MS) {
      if (age > FRESH_MS - earlyMs(entry)) this.#start(entry, options).catch(() => {})
      return catalog
    }
    if (need === 'definitions' || trueAt === Number.NEGATIVE_INFINITY) return this.#wait(entry, options)
    // A target that does not answer: tables go on with what is known, because nothing has passed that changed it.
    if (entry.check === undefined && this.now() - entry.failedAt < FAILING_MS) return catalog
    return this.#wait(entry, options).catch(() => catalog)
  }

  /** Definitions changed: whoever decides by them next waits for a check. */
  invalidate(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.trueAt = Number.NEGATIVE_INFINITY
    entry.check = undefined
    entry.generation += 1
  }

  /** Closes the gateway's own connections. */
  close(): void {
    this.connections.close()
  }

  #entry(key: string): Entry {
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const oldest = this.#entries.keys().next()
    if (this.#entries.size >= CATALOGS_MAX && !oldest.done) this.#entries.delete(oldest.value)
    const entry: Entry = {
      key,
      catalog: undefined,
      fingerprint: undefined,
      readAt: Number.NEGATIVE_INFINITY,
      trueAt: Number.NEGATIVE_INFINITY,
      check: undefined,
      checkedAt: Number.NEGATIVE_INFINITY,
      tookMs: 0,
      failedAt: Number.NEGATIVE_INFINITY,
      generation: 0,
    }
    this.#entries.set(key, entry)
    return entry
  }

  #search(entry: Entry, catalog: Catalog, options: CatalogsOptions): Catalog {
    const hasChanged = entry.trueAt === Number.NEGATIVE_INFINITY
    const age = this.now() - (hasChanged ? entry.checkedAt : entry.trueAt)
    if (age > (hasChanged ? CHANGED_CHECK_MS : SEARCH_CHECK_MS)) this.#start(entry, options).catch(() => {})
    return catalog
  }

  #wait(entry: Entry, options: CatalogsOptions): Promise<Catalog> {
    const { check } = entry
    const isRecent = check !== undefined && this.now() - check.startedAt <= FRESH_MS
    if (!isRecent) return this.#start(entry, options)
    // Somebody else's check may end with that one's session: who waits along with it then asks for itself.
    return check.catalog.catch(() => this.#start(entry, options))
  }

  /** Starts a check, or joins the one that has just been started. */
  #start(entry: Entry, options: CatalogsOptions): Promise<Catalog> {
    const startedAt = this.now()
    if (entry.check !== undefined && startedAt - entry.check.startedAt <= FRESH_MS) return entry.check.catalog
    const { generation } = entry
    const catalog = this.#examine(entry, options)
      .then(seen => {
        if (entry.generation === generation) {
          entry.catalog = seen.catalog
          entry.fingerprint = seen.fingerprint
          entry.readAt = seen.readAt
          entry.trueAt = startedAt
        }
        return seen.catalog
      })
      .catch(error => {
        entry.failedAt = this.now()
        throw error
      })
      .finally(() => {
        entry.tookMs = this.now() - startedAt
        if (entry.check === check) entry.check = undefined
      })
    const check: Check = { startedAt, generation, catalog }
    entry.check = check
    entry.checkedAt = startedAt
    return catalog
  }

  /** The fingerprint comes first: what changes while the catalog is read is seen by the next check. */
  async #examine(entry: Entry, options: CatalogsOptions): Promise<Seen> {
    const { protocol, open } = options
    const fingerprint = await this.connections.ask(entry.key, {
      reader: () => protocol.readFingerprint(),
      open,
      purpose: 'check the catalog',
      answerMs: CHECK_MS,
    })
    const now = this.now()
    const { catalog: known, readAt } = entry
    // A definition is left out while somebody locks its view: that changes without a change.
    const isStill = known !== undefined && (now - readAt < INCOMPLETE_MS || isComplete(known))
    if (isStill && entry.fingerprint === fingerprint) return { catalog: known, fingerprint, readAt }
    this.#version += 1
    const version = this.#version
    const catalog = await this.connections.ask(entry.key, {
      reader: () => catalogAsAnswer(protocol.readCatalog(version)),
      open,
      purpose: 'read the catalog',
      answerMs: READ_MS,
    })
    return { catalog, fingerprint, readAt: now }
  }
}

function earlyMs({ tookMs }: Entry): number {
  return Math.min(EARLY_MS.max, Math.max(EARLY_MS.min, 3 * tookMs))
}

function isComplete({ byOid }: Catalog): boolean {
  for (const { kind, definition } of byOid.values())
    if (kind === 'view' && definition === undefined) return false
  return true
}

function catalogAsAnswer(reader: CatalogReader): TargetReader<Catalog> {
  const translate = (actions: ReturnType<CatalogReader['begin']>) =>
    actions.map(action =>
      action.kind === 'catalog' ? ({ kind: 'answer', answer: action.catalog } as const) : action,
    )
  return { begin: () => translate(reader.begin()), fromTarget: chunk => translate(reader.fromTarget(chunk)) }
}
