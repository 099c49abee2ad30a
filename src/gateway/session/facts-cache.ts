import type { Catalog, CatalogRelation } from '../../domain/catalog.js'
import type { StatementFacts, TextFacts } from '../../domain/facts.js'
import type { OutputLineage, StatementLineage } from '../../domain/lineage.js'
import { isTraceable, takesRow } from '../../masking/traceable-functions.js'
import { isTraceableType } from '../../masking/traceable-types.js'
import { traceLineage } from '../../sql/lineage/trace-lineage.js'
import { traceView, type ViewLineage } from '../../sql/lineage/trace-view.js'
import type { LineageOptions } from '../../sql/lineage/tracer.js'
import { loadPostgresGrammar } from '../../sql/postgres/grammar.js'
import { lookupShape } from '../../sql/postgres/lookup-shape.js'
import { type Reading, readPostgresTextGuarded } from '../../sql/postgres/read-text.js'
import { isSmallText } from '../../sql/postgres/small-text.js'
import { ParserCage, type ParserCageOptions } from './parser-cage.js'

/** Texts kept, and their weight together in bytes, facts included. */
const ENTRIES_MAX = 4_096
const WEIGHT_BYTES_MAX = 32 * 1024 * 1024
/** A text heavier than this is not kept: one of them would push out hundreds that are used again. */
const ENTRY_BYTES_MAX = 1024 * 1024
/** Shapes of look-ups kept; each is a small text, so together they weigh a few megabytes. */
const SHAPES_MAX = 1_024
/** About what an entry, a command, and one name in the facts cost in memory. */
const ENTRY_BYTES = 400
const COMMAND_BYTES = 600
const NAME_BYTES = 80

/** What the cache needs of the place where large texts are read. */
export interface LargeTextReader {
  read(text: string): Promise<TextFacts>
  close(): Promise<void>
}

/** Limits of a cache, and what it reads with; the defaults are those of production. */
export interface FactsCacheOptions {
  readonly cage: LargeTextReader
  readonly entriesMax?: number
  readonly weightBytesMax?: number
  /** Reads a small text here and now. */
  readonly readSmall?: (text: string) => Reading
}

/** Where a statement stands. */
interface Origin {
  readonly text: string
  readonly index: number
  readonly count: number
}

const OPTIONS: LineageOptions = { isTraceable, isBuiltInType: isTraceableType, takesRow }

interface Entry {
  readonly facts: TextFacts
  readonly weight: number
}

/**
 * Facts by text, least recently used first out. Facts depend on the text alone, so an entry never goes stale. Look-ups
 * that differ in the number of a row alone share an entry. Small
 * texts are read on the spot, all others in the cage, and one text that is asked for twice at once is read once.
 */
export class FactsCache {
  readonly #entries = new Map<string, Entry>()
  /** Oldest first out. Apart from the texts, so that no text can be taken for a shape. */
  readonly #shapes = new Map<string, TextFacts>()
  readonly #reading = new Map<string, Promise<TextFacts>>()
  readonly #cage: LargeTextReader
  readonly #entriesMax: number
  readonly #weightBytesMax: number
  readonly #readSmall: (text: string) => Reading
  /** The small texts that statements were read from. Statements behind the names of a session keep theirs. */
  readonly #origins = new WeakMap<StatementFacts, Origin>()
  /** By snapshot. What is kept goes with the statement or the snapshot, whichever is first. */
  readonly #lineages = new WeakMap<Catalog, WeakMap<StatementFacts, StatementLineage>>()
  /** By snapshot and OID. What is kept goes with the snapshot. */
  readonly #views = new WeakMap<Catalog, Map<number, ViewLineage>>()
  #weight = 0
  /** Set when the parser of this thread failed, which its size limit excludes: from then on the cage reads everything. */
  #damaged = false

  /** A cache that is ready to read: the grammar is loaded, and a cage stands by for large texts. */
  static async open(options: ParserCageOptions = {}): Promise<FactsCache> {
    await loadPostgresGrammar()
    return new FactsCache({ cage: new ParserCage(options) })
  }

  constructor(options: FactsCacheOptions) {
    this.#cage = options.cage
    this.#entriesMax = options.entriesMax ?? ENTRIES_MAX
    this.#weightBytesMax = options.weightBytesMax ?? WEIGHT_BYTES_MAX
    this.#readSmall = options.readSmall ?? readPostgresTextGuarded
  }

  /** Texts kept now. */
  get size(): number {
    return this.#entries.size
  }

  /** The weight of what is kept now, in bytes, estimated. */
  get weightBytes(): number {
    return this.#weight
  }

  /** True once the parser of this thread has failed. To be logged: it must never happen. */
  get damaged(): boolean {
    return this.#damaged
  }

  /** The facts of a text: at once when they are known or the text is small, else when the cage has read it. */
  read(text: string): TextFacts | Promise<TextFacts> {
    const known = this.#entries.get(text)
    if (known !== undefined) {
      this.#entries.delete(text)
      this.#entries.set(text, known)
      return known.facts
    }
    if (this.#damaged || !isSmallText(text)) return this.#readLarge(text)
    const shape = lookupShape(text)
    const alike = shape === undefined ? undefined : this.#shapes.get(shape)
    if (alike !== undefined) return alike
    const { facts, damaged } = this.#readSmall(text)
    if (facts.understood) this.#noteOrigin(text, facts.statements)
    if (!damaged)
      return facts.understood && shape !== undefined ? this.#keepShape(shape, facts) : this.#keep(text, facts)
    this.#damaged = true
    return this.#readLarge(text)
  }

  /**
   * The lineage of a statement, by the text that its facts were read from; traced once for each snapshot. Undefined when
   * that text was not small, or when this thread's parser is not to be trusted.
   */
  traceLineage(statement: StatementFacts, catalog: Catalog): StatementLineage | undefined {
    const origin = this.#origins.get(statement)
    if (this.#damaged || origin === undefined) return undefined
    const known = this.#lineages.get(catalog)?.get(statement)
    if (known !== undefined) return known
    const lineages = traceLineage(origin.text, catalog, OPTIONS)
    const lineage = lineages.length === origin.count ? lineages[origin.index] : undefined
    if (lineage === undefined) return undefined
    const kept = this.#lineages.get(catalog) ?? new WeakMap<StatementFacts, StatementLineage>()
    this.#lineages.set(catalog, kept.set(statement, lineage))
    return lineage
  }

  /** What the columns of a view are computed from; traced once for each snapshot. */
  traceView(view: CatalogRelation, catalog: Catalog): readonly OutputLineage[] | undefined {
    let views = this.#views.get(catalog)
    if (views === undefined) {
      views = new Map()
      this.#views.set(catalog, views)
    }
    const known = views.get(view.oid)
    if (known !== undefined) return known.kind === 'outputs' ? known.outputs : undefined
    const traced: ViewLineage = this.#damaged ? { kind: 'none' } : traceView(view, catalog, OPTIONS)
    if (traced.kind === 'damaged') this.#damaged = true
    views.set(view.oid, traced)
    return traced.kind === 'outputs' ? traced.outputs : undefined
  }

  /** Ends the cage. Small texts can still be read. */
  close(): Promise<void> {
    return this.#cage.close()
  }

  #noteOrigin(text: string, statements: readonly StatementFacts[]): void {
    const count = statements.length
    for (const [index, statement] of statements.entries())
      this.#origins.set(statement, { text, index, count })
  }

  #readLarge(text: string): Promise<TextFacts> {
    const running = this.#reading.get(text)
    if (running !== undefined) return running
    const reading = this.#cage.read(text).then(
      facts => {
        this.#reading.delete(text)
        // A refusal may be for want of time or room and not for the text: the next try is a new one.
        return facts.understood ? this.#keep(text, facts) : facts
      },
      (): TextFacts => {
        this.#reading.delete(text)
        return { understood: false, reason: 'the parser failed on it' }
      },
    )
    this.#reading.set(text, reading)
    return reading
  }

  #keepShape(shape: string, facts: TextFacts): TextFacts {
    const oldest = this.#shapes.keys().next()
    if (this.#shapes.size >= SHAPES_MAX && !oldest.done) this.#shapes.delete(oldest.value)
    this.#shapes.set(shape, facts)
    return facts
  }

  #keep(text: string, facts: TextFacts): TextFacts {
    const weight = weigh(text, facts)
    if (weight > ENTRY_BYTES_MAX || this.#entries.has(text)) return facts
    this.#entries.set(text, { facts, weight })
    this.#weight += weight
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.#entriesMax && this.#weight <= this.#weightBytesMax) break
      this.#entries.delete(oldest)
      this.#weight -= entry.weight
    }
    return facts
  }
}

function weigh(text: string, facts: TextFacts): number {
  let bytes = ENTRY_BYTES + 2 * text.length
  if (!facts.understood) return bytes
  for (const { commands, flow } of facts.statements) {
    bytes += COMMAND_BYTES * commands.length
    bytes += NAME_BYTES * (flow.relations.length + flow.columns.length + flow.functions.length)
    bytes += NAME_BYTES * (flow.uses.used.length + flow.uses.renames.length + flow.uses.rows.length)
    for (const command of commands) {
      bytes += NAME_BYTES * (command.relations.length + command.functions.length + command.settings.length)
    }
  }
  return bytes
}
