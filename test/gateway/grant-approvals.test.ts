import { describe, expect, test } from 'vitest'
import type { GrantView, ReviewView } from '../../src/domain/api.js'
import { readReviewId } from '../../src/domain/ids.js'
import type { Principal } from '../../src/domain/principal.js'
import {
  ADA,
  BOB,
  bodyOf,
  configText,
  EVE,
  errorOf,
  type GatewayFixture,
  GRACE,
  makeGateway,
  person,
  VERIFIER,
} from './gateway-fixture.js'

const DINA = person('dina', 'dba')
const DORA = person('dora', 'dba')
const MINUTE = 60_000

/** The writer takes a person's yes, the reader two; in an emergency on-call breaks the glass. */
const approvals = ({ count = 1, extra = '' } = {}): string =>
  configText(`  - { name: readers-are-asked, groups: [sales], connections: [prod-db], roles: [reader], for: 1h, approval: a-dba }
  - { name: writers-are-asked, groups: [sales], connections: [prod-db], roles: [writer], for: 2h, approval: a-dba${extra} }
  - { name: emergency, groups: [sales], connections: [hidden-db, prod-db], roles: ["*"], for: 30m, break_glass: true, approval: a-dba }
approvals:
  - { name: a-dba, groups: [dba], count: ${count} }
`)

const makeAsking = (options: Parameters<typeof approvals>[0] = {}) =>
  makeGateway({ config: approvals(options) })

const ask = (gateway: GatewayFixture, body: object = {}, as: Principal = EVE) =>
  gateway.fetch('POST', '/v1/grants', { as, body: { connection: 'prod-db', ...body } })

/** A request that is answered with a question. */
async function askPeople(gateway: GatewayFixture, body: object = {}): Promise<ReviewView> {
  const response = await ask(gateway, body)
  expect(response.status).toBe(202)
  return bodyOf(response)
}

/** A request that is answered with a grant. */
async function given(response: Response): Promise<GrantView> {
  expect(response.status).toBe(201)
  return bodyOf(response)
}

async function answer(
  gateway: GatewayFixture,
  review: ReviewView,
  verdict = 'approve',
  as: Principal = DINA,
) {
  const path = `/v1/reviews/${review.id}/answers`
  const response = await gateway.fetch('POST', path, { as, body: { verdict, digest: review.digest } })
  expect(response.status).toBe(200)
}

/** What an error of an answer says. */
async function refused(response: Response): Promise<string> {
  const { code, message } = await errorOf(response)
  return `${response.status} ${code} ${message}`
}

describe('a grant that people have to agree to', () => {
  test('is a question first, and given to who claims it', async () => {
    const gateway = await makeAsking()
    const review = await askPeople(gateway, { reason: 'order 4711' })
    expect(review).toMatchObject({
      state: 'pending',
      requester: EVE.name,
      reason: 'order 4711',
      answerable: false,
      url: `https://hoop.example.com/reviews/${review.id}`,
      subject: {
        kind: 'grant',
        connection: 'prod-db',
        role: 'reader',
        durationSeconds: 3600,
        afterwards: false,
      },
      demands: [{ rule: 'readers-are-asked', approvers: ['dba'], manager: false, count: 1, given: 0 }],
    })
    expect(await bodyOf(await gateway.fetch('GET', '/v1/grants', { as: EVE }))).toEqual([])
    await answer(gateway, review)
    gateway.clock.now += 2 * MINUTE
    const grant = await given(await ask(gateway, { review: review.id }))
    const until = new Date(gateway.clock.now + 60 * MINUTE).toISOString()
    expect(grant).toMatchObject({ review: review.id, role: 'reader', rule: 'readers-are-asked', until })
    expect(grant).toMatchObject({ reason: 'order 4711' })
    expect(await gateway.audited()).toEqual([
      `review.asked ${review.id} readers-are-asked`,
      `grant.pending ${review.id} readers-are-asked`,
      `review.answered ${review.id} readers-are-asked`,
      `review.approved ${review.id} readers-are-asked`,
      `review.used ${review.id} readers-are-asked`,
      `grant.given ${grant.id} readers-are-asked`,
    ])
  })

  test('is given to the same request again, once', async () => {
    const gateway = await makeAsking()
    const review = await askPeople(gateway, { role: 'writer', durationSeconds: 600 })
    await answer(gateway, review)
    const grant = await given(await ask(gateway, { role: 'writer' }))
    expect(grant).toMatchObject({ review: review.id, role: 'writer' })
    expect(Date.parse(grant.until) - Date.parse(grant.grantedAt)).toBe(10 * MINUTE)
    expect((await askPeople(gateway, { role: 'writer', durationSeconds: 600 })).id).not.toBe(review.id)
  })

  test('is asked once, however often it is requested', async () => {
    const gateway = await makeAsking()
    const first = await askPeople(gateway, { reason: 'a' })
    expect((await askPeople(gateway, { reason: 'a' })).id).toBe(first.id)
    for (const other of [
      {},
      { reason: 'b' },
      { reason: 'a', durationSeconds: 60 },
      { reason: 'a', role: 'writer' },
    ]) {
      expect((await askPeople(gateway, other)).id).not.toBe(first.id)
    }
  })

  test('is not given for more, or for something else, than was approved', async () => {
    const gateway = await makeAsking()
    const review = await askPeople(gateway, { durationSeconds: 600, reason: 'a' })
    await answer(gateway, review)
    for (const other of [
      { durationSeconds: 601 },
      { role: 'writer' },
      { reason: 'b' },
      { connection: 'hidden-db' },
    ]) {
      const named = await ask(gateway, { review: review.id, ...other })
      expect(await refused(named)).toMatch(/^(400 usage|404 not_found) /)
    }
    expect((await askPeople(gateway, { durationSeconds: 601, reason: 'a' })).id).not.toBe(review.id)
    expect(await given(await ask(gateway, { review: review.id }))).toMatchObject({ review: review.id })
  })

  test('waits for as many people as the rule wants', async () => {
    const gateway = await makeAsking({ count: 2 })
    const review = await askPeople(gateway)
    await answer(gateway, review)
    const half = await askPeople(gateway, { review: review.id })
    expect(half).toMatchObject({ id: review.id, state: 'pending', demands: [{ count: 2, given: 1 }] })
    await answer(gateway, review, 'approve', DORA)
    await given(await ask(gateway, { review: review.id }))
  })

  test('is for who asked and for nobody else', async () => {
    const gateway = await makeAsking()
    const review = await askPeople(gateway)
    await answer(gateway, review)
    const mallory = person('mallory', 'sales')
    const taken = await ask(gateway, { review: review.id }, mallory)
    const none = await ask(gateway, { review: 'r-0000000000000000' }, mallory)
    const said = 'Cannot claim review "ID": there is none of that name about a grant of yours'
    expect((await refused(taken)).replace(review.id, 'ID')).toBe(`404 not_found ${said}`)
    expect((await refused(none)).replace('r-0000000000000000', 'ID')).toBe(`404 not_found ${said}`)
    expect((await ask(gateway, {}, mallory)).status).toBe(202)
  })

  test('of two who claim it at once one gets it', async () => {
    const gateway = await makeAsking()
    const review = await askPeople(gateway)
    await answer(gateway, review)
    const responses = await Promise.all([1, 2, 3, 4].map(() => ask(gateway, { review: review.id })))
    expect(responses.map(one => one.status).sort()).toEqual([201, 409, 409, 409])
  })
})

describe('an approval does not give a grant', () => {
  test('when it was denied, and says by whom', async () => {
    const gateway = await makeAsking()
    const review = await askPeople(gateway)
    await answer(gateway, review, 'deny')
    expect(await refused(await ask(gateway, { review: review.id }))).toMatch(
      /^403 forbidden Cannot claim review "r-\w+": it was denied at \S+: denied by dina@example.com$/,
    )
    expect(await gateway.audited()).toContain('grant.refused prod-db')
    // The same may be asked anew.
    expect((await askPeople(gateway)).id).not.toBe(review.id)
  })

  test('when it was not used in time', async () => {
    const gateway = await makeAsking()
    const review = await askPeople(gateway)
    await answer(gateway, review)
    gateway.clock.now += 5 * MINUTE
    expect(await refused(await ask(gateway, { review: review.id }))).toContain(
      'the approval was not used in time',
    )
    expect((await askPeople(gateway)).id).not.toBe(review.id)
  })

  test('when who said yes may not any more', async () => {
    const gateway = await makeAsking()
    const review = await askPeople(gateway)
    await answer(gateway, review)
    await gateway.store.principals.remember({ ...DINA, groups: ['sales'] }, new Date(gateway.clock.now))
    expect(await refused(await ask(gateway, { review: review.id }))).toContain(
      '409 conflict Cannot claim review',
    )
    expect(await gateway.audited()).toContain(`review.voided ${review.id} readers-are-asked`)
  })

  test('when the rule wants more people by now', async () => {
    const gateway = await makeAsking()
    const review = await askPeople(gateway)
    await answer(gateway, review)
    gateway.reload(approvals({ count: 2 }))
    expect(await refused(await ask(gateway, { review: review.id }))).toMatch(
      /^409 conflict .+: the access rules ask for another approval now$/,
    )
    expect(await gateway.audited()).toContain(`review.voided ${review.id} readers-are-asked`)
  })

  test('when no rule gives the right any more', async () => {
    const gateway = await makeAsking()
    const review = await askPeople(gateway)
    await answer(gateway, review)
    gateway.reload(configText())
    expect(await refused(await ask(gateway, { review: review.id }))).toMatch(/^404 not_found /)
    gateway.reload(approvals())
    const lost = await ask(gateway, { review: review.id }, { ...EVE, groups: [] })
    expect(await refused(lost)).toMatch(/^404 not_found /)
  })

  test('outside of the hours of the rule, and in them not beyond their end', async () => {
    const during = ', during: [{ from: "08:00", to: "13:00", zone: UTC }]'
    const gateway = await makeAsking({ extra: during })
    const review = await askPeople(gateway, { role: 'writer', durationSeconds: 7200 })
    await answer(gateway, review)
    const grant = await given(await ask(gateway, { review: review.id }))
    expect(grant.until).toBe('2026-03-10T13:00:00.000Z')
    gateway.clock.now += 61 * MINUTE
    expect(await refused(await ask(gateway, { role: 'writer' }))).toBe(
      '403 forbidden Cannot grant connection "prod-db": rule "writers-are-asked" gives nothing now; it does again on Wednesday 11 March 08:00, UTC',
    )
    expect(await gateway.audited()).toContain('grant.refused prod-db writers-are-asked')
  })
})

test('a grant that was given before its rule asked people goes on, and one whose right is gone ends', async () => {
  const gateway = await makeGateway()
  const grant = await given(await ask(gateway, {}, ADA))
  const body = { grant: grant.id, verifier: VERIFIER }
  const asked = configText().replace('for: 1h }', 'for: 1h, approval: a-dba }')
  gateway.reload(`${asked}approvals: [{ name: a-dba, groups: [dba] }]\n`)
  expect((await gateway.fetch('POST', '/v1/sessions', { as: ADA, body })).status).toBe(201)
  expect((await ask(gateway, {}, ADA)).status).toBe(202)
  gateway.reload(configText().replaceAll('groups: [engineering]', 'groups: [others]'))
  expect((await gateway.fetch('POST', '/v1/sessions', { as: ADA, body })).status).toBe(403)
})

describe('breaking the glass', () => {
  test('gives a grant at once, which people look at afterwards', async () => {
    const gateway = await makeAsking()
    const grant = await given(
      await ask(gateway, { breakGlass: true, role: 'writer', reason: 'the shop is down' }),
    )
    expect(grant).toMatchObject({ breakGlass: true, rule: 'emergency', reason: 'the shop is down' })
    const path = `/v1/reviews/${grant.review}`
    const review: ReviewView = await bodyOf(await gateway.fetch('GET', path, { as: DINA }))
    expect(review).toMatchObject({
      state: 'pending',
      answerable: true,
      subject: { kind: 'grant', afterwards: true },
    })
    expect(Date.parse(review.until) - Date.parse(review.askedAt)).toBe(30 * 24 * 60 * MINUTE)
    expect(await gateway.audited()).toEqual([
      `review.asked ${grant.review} emergency`,
      `grant.given ${grant.id} emergency`,
      `review.viewed ${grant.review} emergency`,
    ])
    // Who broke it does not close it.
    expect((await gateway.fetch('DELETE', path, { as: EVE })).status).toBe(403)
    const body = { verdict: 'approve', digest: review.digest }
    expect((await gateway.fetch('POST', `${path}/answers`, { as: EVE, body })).status).toBe(403)
    await answer(gateway, review)
    // What was looked at gives nothing a second time.
    expect(await refused(await ask(gateway, { review: review.id }))).toMatch(/^404 not_found /)
  })

  test('takes a reason and a right of its own', async () => {
    const gateway = await makeAsking()
    expect(await refused(await ask(gateway, { breakGlass: true }))).toMatch(
      /^400 usage .+ asks for a reason$/,
    )
    const ada = await ask(gateway, { breakGlass: true, reason: 'x' }, ADA)
    expect(await refused(ada)).toMatch(
      /^403 forbidden .+: no access rule gives you the right to break the glass for it$/,
    )
    const both = await ask(gateway, { breakGlass: true, reason: 'x', review: 'r-0000000000000000' })
    expect(await refused(both)).toMatch(/^400 usage /)
  })

  test('is the only way to a connection that nothing else opens, which is not listed', async () => {
    const gateway = await makeAsking()
    const listed = await bodyOf<readonly { readonly name: string }[]>(
      await gateway.fetch('GET', '/v1/connections', { as: EVE }),
    )
    expect(listed.map(({ name }) => name)).toEqual(['prod-db'])
    expect((await ask(gateway, { connection: 'hidden-db' })).status).toBe(404)
    const grant = await given(await ask(gateway, { connection: 'hidden-db', breakGlass: true, reason: 'x' }))
    const body = { grant: grant.id, verifier: VERIFIER }
    expect((await gateway.fetch('POST', '/v1/sessions', { as: EVE, body })).status).toBe(201)
  })

  test('ends with the right to break it, also where another rule opens the same', async () => {
    const gateway = await makeAsking()
    const grant = await given(await ask(gateway, { breakGlass: true, role: 'reader', reason: 'x' }))
    gateway.reload(
      approvals().replace('name: emergency, groups: [sales]', 'name: emergency, groups: [on-call]'),
    )
    const body = { grant: grant.id, verifier: VERIFIER }
    expect((await gateway.fetch('POST', '/v1/sessions', { as: EVE, body })).status).toBe(403)
  })
})

test('in a session for which the glass was broken nothing waits for people, and denials stay', async () => {
  const gateway = await makeGateway({
    config: `${approvals()}statements:
  - { name: writes, when: statement.writes, then: review, approval: a-dba }
`,
  })
  const text = 'DELETE FROM t WHERE id = 1'
  const decide = async (more: object, statement = text) => {
    const grant = await given(await ask(gateway, more, { ...EVE, groups: [...EVE.groups, 'engineering'] }))
    const body = { grant: grant.id, verifier: VERIFIER }
    const as = { ...EVE, groups: [...EVE.groups, 'engineering'] }
    const { id } = await bodyOf<{ readonly id: string }>(
      await gateway.fetch('POST', '/v1/sessions', { as, body }),
    )
    const facts = await gateway.facts.read(statement)
    const statements = facts.understood ? facts.statements : []
    const rules = gateway.sessions.find(id)?.rules('postgres')
    return rules?.decide({ facts, statements, text: statement, resolveTables: () => [] })
  }
  expect(await decide({})).toMatchObject({ kind: 'review', demands: [{ rule: 'writes' }] })
  const glass = { breakGlass: true, reason: 'x' }
  expect(await decide(glass)).toEqual({ kind: 'allow', rule: 'writes', lifted: ['writes'] })
  expect(await decide(glass, 'DELETE FROM t')).toMatchObject({ kind: 'deny', rule: 'no-bare-delete' })
})

describe('a grant is taken back', () => {
  test('by who may answer its review, who then ends what it opened', async () => {
    const gateway = await makeAsking()
    const review = await askPeople(gateway)
    await answer(gateway, review)
    const grant = await given(await ask(gateway, { review: review.id }))
    const body = { grant: grant.id, verifier: VERIFIER }
    const opened = await gateway.fetch('POST', '/v1/sessions', { as: EVE, body })
    const { id } = await bodyOf<{ readonly id: string }>(opened)
    expect((await gateway.fetch('DELETE', `/v1/grants/${grant.id}`, { as: DORA })).status).toBe(204)
    await expect
      .poll(async () => (await gateway.store.sessions.list({ limit: 1 }))[0]?.endReason)
      .toBe('grant_revoked')
    expect(gateway.sessions.find(id)).toBeUndefined()
    expect(await gateway.audited()).toContain(`grant.revoked ${grant.id}`)
    const [entry] = (await gateway.store.audit.list({ limit: 100 })).filter(
      one => one.action === 'grant.revoked',
    )
    expect(entry).toMatchObject({
      actor: { subject: DORA.subject },
      detail: { of: { subject: EVE.subject } },
    })
  })

  test('also by the name of its review', async () => {
    const gateway = await makeAsking()
    const grant = await given(await ask(gateway, { breakGlass: true, reason: 'x' }))
    expect((await gateway.fetch('DELETE', `/v1/grants/${grant.review}`, { as: DINA })).status).toBe(204)
    expect((await gateway.store.grants.findByReview(expectReview(grant)))?.revokedAt).toBeDefined()
  })

  test('by nobody else, auditors included', async () => {
    const gateway = await makeAsking()
    const plain = await given(await ask(gateway, {}, ADA))
    const review = await askPeople(gateway)
    await answer(gateway, review)
    const grant = await given(await ask(gateway, { review: review.id }))
    for (const [id, who] of [
      [plain.id, DINA],
      [plain.id, GRACE],
      [grant.id, BOB],
      [grant.id, GRACE],
      [grant.id, { ...DINA, issuer: 'https://other.example.com', groups: [] }],
      [review.id, BOB],
    ] as const) {
      const response = await gateway.fetch('DELETE', `/v1/grants/${id}`, { as: who })
      expect([id, who.name, response.status]).toEqual([id, who.name, 404])
    }
  })
})

test('auditors list the grants of everybody, others do not', async () => {
  const gateway = await makeAsking()
  const grant = await given(await ask(gateway, {}, ADA))
  const all = await bodyOf<readonly GrantView[]>(
    await gateway.fetch('GET', '/v1/grants?all=true', { as: GRACE }),
  )
  expect(all).toMatchObject([{ id: grant.id, principal: ADA.name }])
  expect((await gateway.fetch('GET', '/v1/grants?all=true', { as: ADA })).status).toBe(403)
  expect(await bodyOf(await gateway.fetch('GET', '/v1/grants', { as: GRACE }))).toEqual([])
})

function expectReview({ review: text = '' }: GrantView) {
  const id = readReviewId(text)
  if (id === undefined) throw new Error(`"${text}" is no review`)
  return id
}
