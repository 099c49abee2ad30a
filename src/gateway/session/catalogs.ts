import type { Catalog } from '../../domain/catalog.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { Protocol } from '../../protocols/protocol.js'
import type { Admission } from '../access/admission.js'
import type { TargetConnection } from './target.js'

/** A snapshot is read again after this long, so that definitions changed outside of the gateway become known. */
const FRESH_MS = 60_000
/** How long reading a catalog may take. */
const READ_MS = 30_000
/** Catalogs kept; each belongs to one connection, role and database. */
const CATALOGS_MAX = 256

/** The name of a database's catalog: what a role may see of it is the same for all who use the role. */
export function catalogKey({ connection, role }: Admission, database: string): string {
  return [connection.name, role.name, database].join('\0')
}

interface Entry {
  catalog: Catalog | undefined
  readAt: number
  reading: Promise<Catalog> | undefined
  /** Grows when a change passes, so that a read that began before it is not taken for fresh. */
  generation: number
}

export interface CatalogsOptions {
  readonly protocol: Protocol
  /** A connection of the gateway's own. INVARIANT 9: nothing of a client is part of what it asks. */
  readonly open: () => Promise<TargetConnection>
}

/** What is known of the databases behind the connections, shared by all sessions of a role. */
export class Catalogs {
  readonly #entries = new Map<string, Entry>()
  #version = 0

  constructor(readonly now: () => number) {}

  /** The catalog under `key`: at once when it is fresh, a promise while it has to be read. */
  read(key: string, options: CatalogsOptions): Catalog | Promise<Catalog> {
    const entry = this.#entry(key)
    if (entry.catalog === undefined) {
      const { reading } = entry
      // Somebody else's read may end with that one's session: who waits along with it then reads for itself.
      return reading?.catch(() => this.#readAgain(entry, options)) ?? this.#readAgain(entry, options)
    }
    if (this.now() - entry.readAt > FRESH_MS && entry.reading === undefined) {
      // A stale snapshot still fails closed: what it does not know is masked whole. It serves until the next is here.
      this.#readAgain(entry, options).catch(() => {})
    }
    return entry.catalog
  }

  /** Definitions changed: whoever asks next waits for a new snapshot. */
  invalidate(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.catalog = undefined
    entry.reading = undefined
    entry.generation += 1
  }

  #entry(key: string): Entry {
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const oldest = this.#entries.keys().next()
    if (this.#entries.size >= CATALOGS_MAX && !oldest.done) this.#entries.delete(oldest.value)
    const entry: Entry = { catalog: undefined, readAt: 0, reading: undefined, generation: 0 }
    this.#entries.set(key, entry)
    return entry
  }

  #readAgain(entry: Entry, options: CatalogsOptions): Promise<Catalog> {
    if (entry.reading !== undefined) return entry.reading
    const { generation } = entry
    this.#version += 1
    const reading = readOnce(this.#version, options).then(
      catalog => {
        if (entry.generation === generation) {
          entry.catalog = catalog
          entry.readAt = this.now()
          entry.reading = undefined
        }
        return catalog
      },
      error => {
        if (entry.reading === reading) entry.reading = undefined
        throw error
      },
    )
    entry.reading = reading
    return reading
  }
}

async function readOnce(version: number, { protocol, open }: CatalogsOptions): Promise<Catalog> {
  const { stream } = await open()
  const reader = protocol.readCatalog(version)
  try {
    return await new Promise<Catalog>((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new HoopError('target_unavailable', `Cannot read the catalog: ${why}`))
      const timer = setTimeout(() => fail('it took too long'), READ_MS)
      stream.once('close', () => {
        clearTimeout(timer)
        fail('the target closed the connection')
      })
      stream.on('error', () => {})
      const perform = (actions: ReturnType<typeof reader.begin>): void => {
        for (const action of actions) {
          if (action.kind === 'toTarget') stream.write(action.bytes)
          else if (action.kind === 'catalog') resolve(action.catalog)
          else fail(action.message)
        }
      }
      stream.on('data', (chunk: Buffer) => perform(reader.fromTarget(chunk)))
      stream.resume()
      perform(reader.begin())
    })
  } finally {
    stream.destroy()
  }
}
