import type { Kysely, Selectable } from 'kysely'
import type { RuleName } from '../domain/names.js'
import { type Actor, writeActor } from './actor.js'
import { boundedLimit, guarded } from './guarded.js'
import { parseJson, readRule, readTime, storableOrNull, storableText } from './row-values.js'
import type { AuditRow, StoreSchema } from './schema.js'

/** Characters of an entry's detail as JSON; a larger one is replaced by a note of its size. */
const DETAIL_LENGTH_MAX = 16_384

/** One access decision or change, as INVARIANT 12 asks: who, what, which rule, when, from where. */
export interface AuditEntry {
  readonly at: Date
  readonly actor: Actor
  /** What was decided or done, a noun and a participle: `grant.given`, `grant.refused`, `session.opened`. */
  readonly action: string
  /** What it was about: a grant's or session's id, a connection's name. */
  readonly subject?: string | undefined
  readonly rule?: RuleName | undefined
  readonly address?: string | undefined
  /** More, as plain JSON. Never a secret, a token or a row. */
  readonly detail?: Readonly<Record<string, unknown>> | undefined
}

/** An entry as it is kept. */
export interface StoredAuditEntry extends Omit<AuditEntry, 'actor' | 'detail'> {
  /** Grows with every entry; numbers may be missing after a failed write, so a gap is no sign of tampering. */
  readonly sequence: number
  readonly actor: unknown
  readonly detail?: unknown
}

/** The audit log. It only grows: there is no way to change or remove an entry. */
export interface AuditStore {
  /** Writes an entry. Once it resolves, the entry survives a crash of the machine; when it rejects, deny. */
  readonly append: (entry: AuditEntry) => Promise<void>
  /** Newest first; `before` is the sequence of the last entry of the page before. At most 1000. */
  readonly list: (page: {
    readonly limit: number
    readonly before?: number | undefined
  }) => Promise<readonly StoredAuditEntry[]>
}

/** The queries on `audit`. */
export function makeAuditStore(database: Kysely<StoreSchema>): AuditStore {
  return {
    append: guarded('write the audit log', entry => insertAudit(database, entry)),
    list: guarded('read the audit log', async page => {
      let query = database.selectFrom('audit').selectAll()
      if (page.before !== undefined) query = query.where('sequence', '<', page.before)
      const rows = await query.orderBy('sequence', 'desc').limit(boundedLimit(page.limit)).execute()
      return rows.map(readEntry)
    }),
  }
}

/** Writes an entry, also as a part of a transaction: what it tells of and the entry are there together or not at all. */
export async function insertAudit(database: Kysely<StoreSchema>, entry: AuditEntry): Promise<void> {
  await database
    .insertInto('audit')
    .values({
      at: entry.at.toISOString(),
      actor: writeActor(entry.actor),
      action: storableText(entry.action),
      subject: storableOrNull(entry.subject),
      rule: entry.rule ?? null,
      address: storableOrNull(entry.address),
      detail: writeDetail(entry.detail),
    })
    .execute()
}

function writeDetail(detail: AuditEntry['detail']): string | null {
  if (detail === undefined) return null
  const text = JSON.stringify(detail)
  return text.length > DETAIL_LENGTH_MAX ? JSON.stringify({ leftOut: `${text.length} characters` }) : text
}

function readEntry(row: Selectable<AuditRow>): StoredAuditEntry {
  return {
    sequence: row.sequence,
    at: readTime(row.at, 'at'),
    actor: parseJson(row.actor, 'actor'),
    action: row.action,
    subject: row.subject ?? undefined,
    rule: row.rule === null ? undefined : readRule(row.rule),
    address: row.address ?? undefined,
    detail: row.detail === null ? undefined : parseJson(row.detail, 'detail'),
  }
}
