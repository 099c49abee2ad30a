import type { Kysely } from 'kysely'
import type { AgentName } from '../domain/names.js'
import { guarded } from './guarded.js'
import { readTime, readTimeOrUndefined } from './row-values.js'
import type { AgentRow, StoreSchema } from './schema.js'

/** One use of an enrolment token. Only the token's digest is ever kept. */
export interface AgentEnrolment {
  readonly name: AgentName
  /** Ed25519, SPKI in base64. */
  readonly publicKey: string
  /** SHA-256 of the enrolment token, hexadecimal. */
  readonly tokenDigest: string
  readonly at: Date
}

/** What is known of an agent. */
export interface StoredAgent {
  readonly publicKey: string
  readonly enrolledAt: Date
  readonly lastSeenAt: Date | undefined
}

/** Agents and their keys as they are kept. */
export interface AgentStore {
  /** Exchanges an enrolment token, once, for the agent's key. A new token replaces the key of an agent known already. */
  readonly enroll: (enrolment: AgentEnrolment) => Promise<'enrolled' | 'used'>
  readonly find: (name: AgentName) => Promise<StoredAgent | undefined>
  /** The key that proves to be this agent, SPKI in base64. */
  readonly findKey: (name: AgentName) => Promise<string | undefined>
  readonly seen: (name: AgentName, at: Date) => Promise<void>
}

/** The queries on `agents` and on the tokens they have used. */
export function makeAgentStore(database: Kysely<StoreSchema>): AgentStore {
  const findRow = (name: AgentName): Promise<AgentRow | undefined> =>
    database.selectFrom('agents').selectAll().where('name', '=', name).executeTakeFirst()
  return {
    enroll: guarded('enrol the agent', enrolment =>
      database.transaction().execute(async transaction => {
        const at = enrolment.at.toISOString()
        // The primary key decides between two that come at once, so that a token is used once also then.
        const used = await transaction
          .insertInto('used_enrollment_tokens')
          .values({ digest: enrolment.tokenDigest, agent: enrolment.name, used_at: at })
          .onConflict(conflict => conflict.doNothing())
          .executeTakeFirst()
        if (used.numInsertedOrUpdatedRows !== 1n) return 'used'
        const key = { public_key: enrolment.publicKey, enrolled_at: at, last_seen_at: null }
        await transaction
          .insertInto('agents')
          .values({ name: enrolment.name, ...key })
          .onConflict(conflict => conflict.column('name').doUpdateSet(key))
          .execute()
        return 'enrolled'
      }),
    ),
    find: guarded('read the agent', async name => {
      const row = await findRow(name)
      if (row === undefined) return undefined
      return {
        publicKey: row.public_key,
        enrolledAt: readTime(row.enrolled_at, 'enrolled_at'),
        lastSeenAt: readTimeOrUndefined(row.last_seen_at, 'last_seen_at'),
      }
    }),
    findKey: guarded('read the key of the agent', async name => (await findRow(name))?.public_key),
    seen: guarded('note the agent', async (name, at) => {
      await database
        .updateTable('agents')
        .set({ last_seen_at: at.toISOString() })
        .where('name', '=', name)
        .execute()
    }),
  }
}
