import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ApprovalTerms } from '../../../src/domain/approval.js'
import type { ApprovalDemand } from '../../../src/domain/decision.js'
import { makeSessionId } from '../../../src/domain/ids.js'
import { readConnectionName, readRoleName, readRuleName } from '../../../src/domain/names.js'
import type { Principal } from '../../../src/domain/principal.js'
import type { HeldOperation, Review, ReviewSubject } from '../../../src/domain/review.js'
import type { AnswerRequest, ReviewQuestion } from '../../../src/gateway/reviews/desk.js'
import { type ReviewDeskDeps, StoreReviewDesk } from '../../../src/gateway/reviews/review-desk.js'
import { openStore } from '../../../src/store/store.js'

export const ADDRESS = '192.0.2.7'
export const DIGEST = 'd'.repeat(64)
const START = Date.parse('2026-03-01T10:00:00.000Z')

/** A principal whom the provider knows by this name. */
export function person(name: string, groups: readonly string[], more: Partial<Principal> = {}): Principal {
  return { issuer: 'https://id.example', subject: `u-${name}`, name: `${name}@example.com`, groups, ...more }
}

export const ADA = person('ada', ['engineering'])
export const GRACE = person('grace', ['dba'])
export const HEDY = person('hedy', ['dba', 'leads'])
export const EVE = person('eve', ['sales'])

/** What it takes: one of the DBAs within 15 minutes, unless a test says otherwise. */
export function terms(change: Partial<ApprovalTerms> = {}): ApprovalTerms {
  return {
    name: 'a-dba',
    groups: ['dba'],
    manager: false,
    count: 1,
    waitMs: 900_000,
    waitInTransactionMs: 60_000,
    validMs: 300_000,
    reasonRequired: false,
    ...change,
  }
}

export function demand(change: Partial<ApprovalTerms> = {}, rule = 'writes-need-a-dba'): ApprovalDemand {
  return { rule: must(readRuleName(rule)), message: undefined, terms: terms(change) }
}

export function held(change: Partial<HeldOperation> = {}): HeldOperation {
  return {
    kind: 'operation',
    session: makeSessionId(randomBytes),
    client: 1,
    connection: must(readConnectionName('prod-db')),
    role: must(readRoleName('writer')),
    database: 'shop',
    statement: "UPDATE customers SET city = 'Rome' WHERE id = 7",
    values: ['7', null],
    statementCount: 1,
    verbs: ['UPDATE'],
    tables: ['public.customers'],
    inTransaction: false,
    ...change,
  }
}

export function aGrant(change: { readonly afterwards?: boolean } = {}): ReviewSubject {
  return {
    kind: 'grant',
    connection: must(readConnectionName('prod-db')),
    role: must(readRoleName('writer')),
    durationMs: 3_600_000,
    afterwards: false,
    ...change,
  }
}

export function question(change: Partial<ReviewQuestion> = {}): ReviewQuestion {
  return {
    subject: held(),
    requester: ADA,
    address: ADDRESS,
    reason: undefined,
    demands: [demand()],
    digest: randomBytes(32).toString('hex'),
    ...change,
  }
}

export function answerTo(
  { digest }: Pick<Review, 'digest'>,
  by: Principal,
  change: Partial<AnswerRequest> = {},
): AnswerRequest {
  return { by, address: '198.51.100.9', verdict: 'approve', comment: undefined, digest, ...change }
}

/** A desk on a real store, with a clock by hand; both end with the test. */
export async function makeDesk(change: Partial<ReviewDeskDeps> & { readonly url?: string | undefined } = {}) {
  const { url, ...over } = change
  const folder = mkdtempSync(join(tmpdir(), 'hoop-desk-'))
  const store =
    url === undefined
      ? await openStore({ kind: 'sqlite', file: join(folder, 'hoop.db') })
      : await openStore({ kind: 'postgres', url })
  const clock = { now: START }
  const warnings: unknown[] = []
  const quiet = (): void => undefined
  const log = {
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: (fields: object) => void warnings.push(fields),
  }
  const deps: ReviewDeskDeps = { store, now: () => new Date(clock.now), randomBytes, log, ...over }
  const desk = new StoreReviewDesk(deps)
  onTestFinished(async () => {
    desk.close()
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    desk,
    deps,
    store,
    clock,
    warnings,
    /** Actions of the audit log on a review, oldest first. */
    audited: async (id: string) =>
      [...(await store.audit.list({ limit: 1000 }))]
        .reverse()
        .filter(({ subject }) => subject === id)
        .map(({ action }) => action),
  }
}

export function must<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('the test expected something')
  return value
}
