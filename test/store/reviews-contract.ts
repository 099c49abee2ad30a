import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { makeReviewId, makeSessionId } from '../../src/domain/ids.js'
import { readConnectionName, readRoleName, readRuleName } from '../../src/domain/names.js'
import type { Principal } from '../../src/domain/principal.js'
import type { HeldOperation, Review, ReviewAnswer } from '../../src/domain/review.js'
import type { Asking } from '../../src/store/reviews.js'
import type { Store } from '../../src/store/store.js'

const START = Date.parse('2026-03-01T09:00:00.000Z')
const at = (minutes: number) => new Date(START + minutes * 60_000)
const GENEROUS = { pendingMax: 1_000, recentMax: 1_000, recentSince: at(-60) }

/** What every store must do with questions to people. */
export function reviewContract(store: () => Store): void {
  const audit = (review: Review, action = 'review.asked') => ({
    at: review.askedAt,
    actor: { kind: 'gateway' } as const,
    action,
    subject: review.id,
  })
  const ask = (review: Review, limits = GENEROUS): Promise<Asking> =>
    store().reviews.ask(review, { limits, audit: audit(review) })
  const asked = async (change: Partial<Review> = {}) => {
    const asking = await ask(makeReview(change))
    if (asking.kind !== 'asked') throw new Error('the question was not asked')
    return asking.stored
  }
  const audited = async (id: string) =>
    (await store().audit.list({ limit: 1000 })).filter(entry => entry.subject === id).map(one => one.action)

  test('a question reads back as it was asked, whatever is in it', async () => {
    const statement = `select '${'x'.repeat(50_000)}\0\uD800\u202E💶'`
    const subject = { ...held(), statement, values: ['a\0b', null], behind: ['select 1'], rowEstimate: 1.5 }
    const requester = { ...makePrincipal(), person: 'p-1', manager: 'max@example.com' }
    const stored = await asked({ subject, requester, reason: 'Bürgschaft 💶' })
    expect(await store().reviews.find(stored.review.id)).toEqual(stored)
    expect(stored.review).toMatchObject({ subject, requester, reason: 'Bürgschaft 💶', answers: [] })
    expect(await audited(stored.review.id)).toEqual(['review.asked'])
  })

  test('a question about a grant reads back as it was asked', async () => {
    const stored = await asked({ subject: grant() })
    expect(await store().reviews.find(stored.review.id)).toEqual(stored)
  })

  test('a change is there with its answers and its entries, or nothing of it is', async () => {
    const from = await asked()
    const answered = { ...from.review, answers: [yes('grace')] }
    const next = await store().reviews.change(from, { to: answered, audit: [audit(answered, 'one')] })
    if (next === undefined) throw new Error('nothing was changed')
    const approved = { ...answered, answers: [...answered.answers, yes('hedy')], state: 'approved' } as const
    await store().reviews.change(next, {
      to: approved,
      audit: [audit(approved, 'two'), audit(approved, 'three')],
    })
    expect((await store().reviews.find(from.review.id))?.review).toEqual(approved)
    const late = { ...from.review, state: 'denied', answers: [yes('eve')] } as const
    expect(await store().reviews.change(from, { to: late, audit: [audit(late, 'late')] })).toBeUndefined()
    expect((await store().reviews.find(from.review.id))?.review).toEqual(approved)
    expect(await audited(from.review.id)).toEqual(['three', 'two', 'one', 'review.asked'])
  })

  test('of many who change a review from the same version, one does', async () => {
    const from = await asked()
    const states = ['approved', 'denied', 'withdrawn', 'expired', 'approved', 'denied'] as const
    const results = await Promise.all(
      states.map(state => {
        const to = { ...from.review, state, answers: [yes(state)] }
        return store().reviews.change(from, { to, audit: [audit(to, state)] })
      }),
    )
    const winners = results.filter(result => result !== undefined)
    expect(winners).toHaveLength(1)
    expect(await store().reviews.find(from.review.id)).toEqual(winners[0])
    expect(await audited(from.review.id)).toHaveLength(2)
  })

  test('a question about a grant that waits already is joined, and one about an operation is a repetition', async () => {
    const requester = makePrincipal()
    const first = await asked({ requester, subject: grant(), digest: 'a' })
    const again = makeReview({ requester, subject: grant(), digest: 'a' })
    expect(await ask(again)).toEqual({ kind: 'joined', stored: first })
    expect(await store().reviews.find(again.id)).toBeUndefined()
    expect(await ask(makeReview({ requester, subject: grant(), digest: 'b' }))).toMatchObject({
      kind: 'asked',
    })
    expect(await ask(makeReview({ subject: grant(), digest: 'a' }))).toMatchObject({ kind: 'asked' })
    expect(await ask(makeReview({ requester, digest: 'c' }))).toMatchObject({
      kind: 'asked',
      repeated: false,
    })
    expect(await ask(makeReview({ requester, digest: 'c' }))).toMatchObject({ kind: 'asked', repeated: true })
  })

  test('a person asks no more than the limits say, also with all accounts at once', async () => {
    const [one, other] = [makePrincipal(), makePrincipal()].map(account => ({
      ...account,
      person: account.subject,
    }))
    if (one === undefined || other === undefined) throw new Error('there are two')
    const linked = { ...other, person: one.person }
    const limits = { ...GENEROUS, pendingMax: 5 }
    const askings = await Promise.all(
      Array.from({ length: 12 }, (_, number) =>
        ask(makeReview({ requester: number % 2 === 0 ? one : linked }), limits),
      ),
    )
    expect(askings.filter(({ kind }) => kind === 'asked')).toHaveLength(5)
    expect(askings.filter(({ kind }) => kind === 'refused')).toHaveLength(7)
    const afterwards = makeReview({ requester: one, subject: { ...grant(), afterwards: true } })
    expect(await ask(afterwards, limits)).toMatchObject({ kind: 'asked' })
    const recent = { pendingMax: 100, recentMax: 5, recentSince: at(-1) }
    expect(await ask({ ...afterwards, id: makeReviewId(randomBytes) }, recent)).toMatchObject({
      kind: 'asked',
    })
    expect(await ask(makeReview({ requester: one }), recent)).toEqual({ kind: 'refused', because: 'recent' })
    expect(await ask(makeReview({ requester: makePrincipal() }), recent)).toMatchObject({ kind: 'asked' })
  })

  test('what waited its time out counts no more', async () => {
    const requester = makePrincipal()
    await asked({ requester, until: at(5) })
    const limits = { ...GENEROUS, pendingMax: 1 }
    expect(await ask(makeReview({ requester, askedAt: at(4) }), limits)).toMatchObject({ kind: 'refused' })
    expect(await ask(makeReview({ requester, askedAt: at(5), until: at(9) }), limits)).toMatchObject({
      kind: 'asked',
    })
  })

  test('a reader lists what they asked, what is put to their groups and what is put to them as manager', async () => {
    const group = `g-${randomBytes(6).toString('hex')}`
    const [requester, manager] = [makePrincipal(), makePrincipal()]
    const managed = { ...requester, manager: manager.subject }
    const [own, managers] = [
      (await asked({ requester: managed, demands: [demand([group])], askedAt: at(1) })).review.id,
      (await asked({ requester: managed, demands: [demand([], true)], askedAt: at(2) })).review.id,
    ]
    const listed = async (reader: Principal) =>
      (await store().reviews.list({ reader, limit: 100 })).map(({ review }) => review.id)
    expect(await listed(requester)).toEqual([managers, own])
    expect(await listed({ ...makePrincipal(), groups: ['x', group] })).toEqual([own])
    expect(await listed({ ...manager, groups: [] })).toEqual([managers])
    expect(await listed({ ...makePrincipal(), name: manager.subject, groups: [] })).toEqual([managers])
    expect(await listed({ ...manager, groups: [], issuer: 'https://elsewhere.example' })).toEqual([])
    expect(await listed({ ...makePrincipal(), groups: [] })).toEqual([])
    expect(await store().reviews.list({ reader: manager, states: ['denied'], limit: 100 })).toEqual([])
  })

  test('changes come in the order in which they were made, and a reading misses none', async () => {
    const before = await store().reviews.reading()
    const [one, two] = [await asked(), await asked()]
    const withdrawn = { ...one.review, state: 'withdrawn' } as const
    await store().reviews.change(one, { to: withdrawn, audit: [] })
    const all = await store().reviews.changesAfter(before)
    expect(all.map(({ id }) => id)).toEqual([two.review.id, one.review.id])
    const listed = await store().reviews.list({ reader: undefined, changedAfter: before, limit: 10 })
    expect(listed.map(({ review }) => [review.id, review.state])).toEqual([
      [two.review.id, 'pending'],
      [one.review.id, 'withdrawn'],
    ])
    expect(await store().reviews.reading()).toBe(all.at(-1)?.changed)
    expect(await store().reviews.changesAfter(await store().reviews.reading())).toEqual([])
  })

  test('only open questions whose time is over are overdue', async () => {
    const [over, open] = [await asked({ until: at(10) }), await asked({ until: at(20) })]
    const ended = await asked({ until: at(10) })
    await store().reviews.change(ended, { to: { ...ended.review, state: 'denied' }, audit: [] })
    const ids = (await store().reviews.listOverdue(at(10))).map(({ review }) => review.id)
    expect([over, open, ended].map(({ review }) => ids.includes(review.id))).toEqual([true, false, false])
  })

  test('an entry of the audit log that cannot be written leaves the question unasked', async () => {
    const review = makeReview({})
    const broken = { ...audit(review), at: new Date(Number.NaN) }
    await expect(store().reviews.ask(review, { limits: GENEROUS, audit: broken })).rejects.toMatchObject({
      code: 'store_unavailable',
    })
    expect(await store().reviews.find(review.id)).toBeUndefined()
    const from = await asked()
    const to = { ...from.review, state: 'approved', answers: [yes('grace')] } as const
    await expect(store().reviews.change(from, { to, audit: [broken] })).rejects.toMatchObject({
      code: 'store_unavailable',
    })
    expect(await store().reviews.find(from.review.id)).toEqual(from)
  })
}

function makePrincipal(): Principal {
  const subject = `u-${randomBytes(6).toString('hex')}`
  return { issuer: 'https://id.example', subject, name: `${subject}@example.com`, groups: ['engineers'] }
}

function yes(name: string): ReviewAnswer {
  const by = { issuer: 'https://id.example', subject: name, name, groups: ['dba'], person: 'p' }
  return { by, verdict: 'approve', comment: '👍', at: at(1), address: '192.0.2.8' }
}

function demand(groups: readonly string[], manager = false): Review['demands'][number] {
  const times = { waitMs: 60_000, waitInTransactionMs: 1_000, validMs: 60_000 }
  return {
    rule: known(readRuleName('writes-need-a-dba')),
    message: undefined,
    terms: { name: 'a-dba', groups, manager, count: 1, ...times, reasonRequired: false },
  }
}

function held(): HeldOperation {
  return {
    kind: 'operation',
    session: makeSessionId(randomBytes),
    client: 1,
    connection: known(readConnectionName('prod-db')),
    role: known(readRoleName('writer')),
    database: 'shop',
    statement: 'delete from orders',
    values: [],
    statementCount: 1,
    verbs: ['DELETE'],
    tables: ['public.orders'],
    inTransaction: false,
  }
}

function grant() {
  const { connection, role } = held()
  return { kind: 'grant', connection, role, durationMs: 60_000, afterwards: false } as const
}

function makeReview(change: Partial<Review>): Review {
  const askedAt = change.askedAt ?? at(0)
  return {
    id: makeReviewId(randomBytes),
    subject: held(),
    requester: makePrincipal(),
    address: '192.0.2.7',
    reason: undefined,
    demands: [demand([`g-${randomBytes(6).toString('hex')}`])],
    digest: randomBytes(32).toString('hex'),
    askedAt,
    until: at(60),
    state: 'pending',
    stateAt: askedAt,
    why: undefined,
    answers: [],
    ...change,
  }
}

function known<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('the test made a name that is not one')
  return value
}
