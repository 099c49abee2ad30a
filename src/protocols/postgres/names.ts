import type { StatementFacts } from '../../domain/facts.js'
import type { ReviewId } from '../../domain/ids.js'
import type { BoundValues } from '../../domain/operation.js'
import type { ColumnSource, StatementMasking } from '../../masking/statement-masking.js'

/** A statement that a name stands for, made by Parse or by SQL's PREPARE. */
export interface Prepared {
  /** The text to judge when it runs. */
  readonly text: string
  /** True for Parse: the text is what runs. False for PREPARE and DECLARE: it is what made the name, maybe among others. */
  readonly isParsed: boolean
  readonly statements: readonly StatementFacts[]
  /** What hides values in messages while the statement is bound or described. */
  readonly masking: StatementMasking | undefined
  /** People would be asked before it runs. */
  readonly isReviewed: boolean
  /** From Parse, then from ParameterDescription; only for reading bind values into the recording. */
  parameterTypes: readonly number[]
  /** From a description of the statement: names and types for the recording, never a ground for masking. */
  columns: readonly ColumnSource[] | undefined
}

/** A portal made by Bind, or a cursor made by DECLARE. */
export interface Portal {
  /** Undefined when Bind named a statement that is not known: it cannot be judged, so it does not run. */
  readonly prepared: Prepared | undefined
  /** A cursor WITH HOLD; every other portal is gone when its transaction ends. */
  readonly outlivesTransaction: boolean
  /** Result formats as Bind gave them: none, one for all, or one a column. */
  readonly formats: readonly number[]
  /** Undefined when there are no values. */
  readonly bound: BoundValues | undefined
  /** The review that let it begin, once it has: a portal runs once, and what is asked of it later is the rest of that. */
  review: ReviewId | undefined
  /**
   * From a description of this very portal, whose plan is fixed: a statement can be planned anew between its description
   * and Bind, and the same columns may then come from elsewhere.
   */
  columns: readonly ColumnSource[] | undefined
  /** The batch in which the client asked for a description, -1 for none: in the same batch it comes before the rows. */
  describedIn: number
}

/** A change to a name that the target has been asked for and has not confirmed. */
export interface Change<T> {
  readonly key: string
  readonly batch: number
  /** Undefined takes the name away. */
  readonly value: T | undefined
}

/** What a name stands for at a place in the stream of messages. */
export type Resolved<T> =
  | { readonly kind: 'one'; readonly value: T }
  | { readonly kind: 'none' }
  | { readonly kind: 'ambiguous' }

/** The one thing that a name stands for; undefined when there is none or when it cannot be told which. */
export function onlyOne<T>(resolved: Resolved<T>): T | undefined {
  return resolved.kind === 'one' ? resolved.value : undefined
}

interface Entry<T> {
  /** What it may stand for at the target as of its last answer. */
  live: readonly T[]
  changes: Change<T>[]
}

/** Names a client connection may have at once, in each of the two tables. */
export const NAMES_MAX = 4096
/** Things one name may stand for before it counts as unknown. */
const CANDIDATES_MAX = 64
/** NAMEDATALEN - 1: the server compares no more of a name. */
const NAME_BYTES_MAX = 63
const NONE = { kind: 'none' } as const
const AMBIGUOUS = { kind: 'ambiguous' } as const
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII is the point
const ASCII = /^[\x00-\x7f]*$/

/**
 * The session's prepared statements, or its portals and cursors. A name follows what the target said (Parse succeeded),
 * not what the client sent; what is still in flight counts as possible, and only what is certain is exact.
 */
export class NameTable<T> {
  readonly #entries = new Map<string, Entry<T>>()

  /** True when no new name can be kept. */
  isFullFor(key: string): boolean {
    return this.#entries.size >= NAMES_MAX && !this.#entries.has(key)
  }

  /**
   * What a message in this batch means by the name. A change in the same batch is exact: if it fails, the server skips
   * the message that asks. Otherwise everything that may be there counts.
   */
  resolve(key: string, batch: number): Resolved<T> {
    const entry = this.#entries.get(key)
    if (entry === undefined) return NONE
    const last = entry.changes.at(-1)
    if (last !== undefined && last.batch === batch)
      return last.value === undefined ? NONE : { kind: 'one', value: last.value }
    const [only, ...more] = candidates(entry)
    if (only === undefined) return NONE
    return more.length === 0 ? { kind: 'one', value: only } : AMBIGUOUS
  }

  /** Everything the name may stand for; undefined when it is unknown or stands for too much. */
  behind(key: string): readonly T[] | undefined {
    const entry = this.#entries.get(key)
    const found = entry === undefined ? [] : candidates(entry)
    return found.length === 0 || found.length > CANDIDATES_MAX ? undefined : found
  }

  /** The target is asked to make the name stand for the value, or to forget it. */
  begin(key: string, batch: number, value: T | undefined): Change<T> {
    const change = { key, batch, value }
    const entry = this.#entries.get(key)
    if (entry === undefined) this.#entries.set(key, { live: [], changes: [change] })
    else entry.changes.push(change)
    return change
  }

  /** The target did it: the name was free, or it is now. */
  succeed(change: Change<T>): void {
    const entry = this.#settle(change)
    if (entry === undefined) return
    // The same bytes are another name under another client_encoding: outside of ASCII nothing is ever certain.
    if (ASCII.test(change.key)) entry.live = change.value === undefined ? [] : [change.value]
    else if (change.value !== undefined) entry.live = union(entry.live, change.value)
    this.#tidy(change.key, entry)
  }

  /** The target did not do it. */
  fail(change: Change<T>): void {
    const entry = this.#settle(change)
    if (entry !== undefined) this.#tidy(change.key, entry)
  }

  /** The target may have done it: one statement of a text failed, and it is not known which ones ran before. */
  doubt(change: Change<T>): void {
    const entry = this.#settle(change)
    if (entry === undefined) return
    if (change.value !== undefined) entry.live = union(entry.live, change.value)
    this.#tidy(change.key, entry)
  }

  /** The target forgot a name as a side effect. */
  forget(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.live = []
    this.#tidy(key, entry)
  }

  /** The target forgot everything that `gone` says; changes in flight come later and stay. */
  forgetAll(gone: (value: T) => boolean): void {
    for (const [key, entry] of this.#entries) {
      if (entry.live.length === 0) continue
      entry.live = entry.live.filter(value => !gone(value))
      this.#tidy(key, entry)
    }
  }

  #settle(change: Change<T>): Entry<T> | undefined {
    const entry = this.#entries.get(change.key)
    if (entry === undefined) return undefined
    if (entry.changes[0] === change) entry.changes.shift()
    else entry.changes = entry.changes.filter(one => one !== change)
    return entry
  }

  #tidy(key: string, entry: Entry<T>): void {
    if (key !== '' && entry.live.length === 0 && entry.changes.length === 0) this.#entries.delete(key)
  }
}

function candidates<T>(entry: Entry<T>): readonly T[] {
  if (entry.changes.length === 0) return entry.live
  const found = new Set(entry.live)
  for (const { value } of entry.changes) if (value !== undefined) found.add(value)
  return [...found]
}

function union<T>(values: readonly T[], value: T): readonly T[] {
  return values.includes(value) || values.length > CANDIDATES_MAX ? values : [...values, value]
}

/** The key of a name in a protocol message, which the server cuts by bytes. */
export function protocolNameKey(name: Buffer): string {
  return name.toString('latin1', 0, Math.min(name.length, NAME_BYTES_MAX))
}

/** The key of a name in a SQL text, which the server cuts by whole characters. */
export function sqlNameKey(name: string): string {
  const bytes = Buffer.from(name, 'utf8')
  let end = Math.min(bytes.length, NAME_BYTES_MAX)
  if (end < bytes.length) while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('latin1', 0, end)
}
