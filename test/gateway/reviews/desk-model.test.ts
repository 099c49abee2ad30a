import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import type { ReviewId } from '../../../src/domain/ids.js'
import type { Principal } from '../../../src/domain/principal.js'
import type { Review } from '../../../src/domain/review.js'
import type { ReviewState } from '../../../src/domain/review-state.js'
import { StoreReviewDesk } from '../../../src/gateway/reviews/review-desk.js'
import { ADA, aGrant, demand, held, makeDesk, must, person, question } from './desk-fixture.js'
import { dropDatabases, newDatabase } from './new-database.js'

/**
 * The whole desk on a real store, by random steps, some of them at once. Beside it runs a model that knows only what
 * people did; it never looks at the desk's own arithmetic. What must hold after every step is at `look`.
 */

const MINUTE = 60_000

interface Human {
  readonly human: string
  readonly account: Principal
}

/** Two accounts of one human, one of them without the claim that says so until it is seen with it. */
const PEOPLE: readonly Human[] = [
  { human: 'ada', account: { ...ADA, person: 'h-ada' } },
  { human: 'ada', account: person('ada-admin', ['dba', 'leads'], { person: 'h-ada' }) },
  { human: 'grace', account: person('grace', ['dba']) },
  { human: 'hedy', account: person('hedy', ['dba', 'leads'], { person: 'h-hedy' }) },
  { human: 'hedy', account: person('hedy-two', ['dba', 'leads'], { person: 'h-hedy' }) },
  { human: 'lou', account: person('lou', ['leads']) },
  { human: 'eve', account: person('eve', ['sales']) },
]

const DEMANDS = [
  [demand()],
  [demand({ count: 2 })],
  [demand({ groups: ['dba', 'leads'] }), demand({ groups: ['leads'] }, 'money-needs-a-lead')],
]

/** What the model knows of a question. */
interface Known {
  readonly id: ReviewId
  readonly digest: string
  readonly asked: Review
  state: ReviewState
  uses: number
  /** Yeses that the desk took: of which human, by which account, with which groups. */
  readonly yeses: { readonly human: string; readonly account: Principal }[]
}

interface Model {
  readonly known: Known[]
  now: number
  /** Groups as the provider said last; of those who were seen. */
  readonly seen: Map<string, readonly string[]>
}

interface Real {
  desk: StoreReviewDesk
  readonly made: Awaited<ReturnType<typeof makeDesk>>
}

const LAST: readonly ReviewState[] = ['denied', 'withdrawn', 'expired', 'used', 'voided']

/** What must be true of every question at any time. */
async function look(model: Model, { desk }: Real): Promise<void> {
  for (const known of model.known) {
    const review = must(await desk.find(known.id))
    // A review never leaves a last state.
    if (LAST.includes(known.state)) expect(review.state).toBe(known.state)
    known.state = review.state
    expect(known.uses).toBeLessThanOrEqual(1)
    expect(review.state === 'used').toBe(known.uses === 1)
    expect(review.answers.filter(({ verdict }) => verdict === 'approve')).toHaveLength(known.yeses.length)
  }
}

/** INVARIANT 12: every step that counted is in the audit log. */
async function lookAtAudit(model: Model, { desk, made }: Real): Promise<void> {
  for (const known of model.known) {
    const review = must(await desk.find(known.id))
    const audited = await made.audited(known.id)
    expect(audited[0]).toBe('review.asked')
    expect(audited.filter(action => action === 'review.answered')).toHaveLength(review.answers.length)
    if (review.state !== 'pending') expect(audited).toContain(`review.${review.state}`)
  }
}

/** Said plainly: may these yeses let it run? Tries every way to give each place to another human. */
function isEnough({ asked, yeses }: Known, seen: Model['seen']): boolean {
  const places = asked.demands.flatMap(({ terms }) => Array.from({ length: terms.count }, () => terms.groups))
  const search = (place: number, used: readonly string[]): boolean => {
    const groups = places[place]
    if (groups === undefined) return true
    return yeses.some(({ human, account }) => {
      const now = seen.get(account.subject) ?? account.groups
      const isEntitled =
        groups.some(group => account.groups.includes(group)) && groups.some(group => now.includes(group))
      return isEntitled && human !== 'ada' && !used.includes(human) && search(place + 1, [...used, human])
    })
  }
  return search(0, [])
}

type Step = (model: Model, real: Real) => Promise<void>

/** Mostly of the last ones, so that steps meet. */
const pick = (model: Model, choice: number): Known | undefined => model.known.at(-1 - (choice % 2))

const ask = (choice: { readonly demands: number; readonly grant: boolean }): Step => {
  return async (model, { desk }) => {
    const digest = randomBytes(32).toString('hex')
    const subject = choice.grant ? aGrant() : held()
    const demands = must(DEMANDS[choice.demands % DEMANDS.length])
    const requester = must(PEOPLE[0]).account
    const asked = await desk.ask(question({ subject, digest, demands, requester })).catch(() => undefined)
    if (asked === undefined) return
    model.known.push({ id: asked.id, digest, asked, state: 'pending', uses: 0, yeses: [] })
  }
}

const answer = (choice: {
  readonly which: number
  readonly who: number
  readonly verdict: 'approve' | 'deny'
  readonly wrong: boolean
}): Step => {
  return async (model, { desk }) => {
    const known = pick(model, choice.which)
    if (known === undefined) return
    const { human, account } = must(PEOPLE[choice.who % PEOPLE.length])
    const digest = choice.wrong ? 'f'.repeat(64) : known.digest
    const request = { by: account, address: '', verdict: choice.verdict, comment: undefined, digest }
    const taken = await desk.answer(known.id, request).then(
      () => true,
      () => false,
    )
    if (!taken) return
    expect(human).not.toBe('ada')
    expect(human).not.toBe('eve')
    expect(choice.wrong).toBe(false)
    expect(LAST).not.toContain(known.state)
    if (choice.verdict === 'approve') known.yeses.push({ human, account })
  }
}

const use = (choice: { readonly which: number; readonly wrong: boolean }): Step => {
  return async (model, { desk }) => {
    const known = pick(model, choice.which)
    if (known === undefined) return
    const used = await desk.use(known.id, choice.wrong ? 'f'.repeat(64) : known.digest)
    if (used.kind === 'refused') return
    known.uses += 1
    // INVARIANT 6, by the model's own count.
    expect(choice.wrong).toBe(false)
    expect(LAST).not.toContain(known.state)
    expect(isEnough(known, model.seen)).toBe(true)
    expect(model.now).toBeLessThan(used.review.until.getTime())
  }
}

const end = (choice: { readonly which: number; readonly how: 'withdraw' | 'void' }): Step => {
  return async (model, { desk }) => {
    const known = pick(model, choice.which)
    if (known !== undefined) await desk[choice.how](known.id, 'of no use')
  }
}

/** Groups are taken away and given back; the provider says so at the next sign-in. */
const regroup = (choice: { readonly who: number; readonly groups: readonly string[] }): Step => {
  return async (model, { made }) => {
    const { account } = must(PEOPLE[choice.who % PEOPLE.length])
    await made.store.principals.remember({ ...account, groups: choice.groups }, new Date(model.now))
    model.seen.set(account.subject, choice.groups)
  }
}

const pass = (minutes: number): Step => {
  return async (model, { made }) => {
    made.clock.now += minutes * MINUTE
    model.now = made.clock.now
  }
}

const sweep: Step = async (_, { desk }) => desk.sweep()

/** The gateway dies, and another one opens the same store: nothing that was held runs afterwards. */
const restart: Step = async (model, real) => {
  real.desk.close()
  real.desk = new StoreReviewDesk(real.made.deps)
  await real.desk.withdrawLost()
  for (const { id, asked } of model.known) {
    const { state } = must(await real.desk.find(id))
    if (asked.subject.kind === 'operation') expect(LAST).toContain(state)
  }
}

const choice = fc.nat(7)
const APPROVERS = [2, 3, 4, 5]

/** A question and everybody's yes, with something between the last of them and the use. */
const whole = fc
  .record({
    demands: choice,
    grant: fc.boolean(),
    who: fc.shuffledSubarray(APPROVERS, { minLength: 1 }),
    between: fc.option(
      fc.oneof(
        fc.record({ who: fc.constantFrom(...APPROVERS), groups: fc.subarray(['dba', 'leads']) }).map(regroup),
        fc.constantFrom(1, 4, 6).map(pass),
      ),
    ),
    wrong: fc.constantFrom(false, false, true),
    uses: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ demands, grant, who, between, wrong, uses }): Step => {
    return async (model, real) => {
      await ask({ demands, grant })(model, real)
      const yes = (one: number) =>
        answer({ which: 0, who: one, verdict: 'approve', wrong: false })(model, real)
      await Promise.all(who.map(yes))
      await between?.(model, real)
      await Promise.all(Array.from({ length: uses }, () => use({ which: 0, wrong })(model, real)))
    }
  })

const single: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: whole, weight: 8 },
  { arbitrary: fc.record({ demands: choice, grant: fc.boolean() }).map(ask), weight: 3 },
  {
    arbitrary: fc
      .record({
        which: choice,
        who: choice,
        verdict: fc.constantFrom('approve', 'approve', 'approve', 'deny'),
        wrong: fc.constantFrom(false, false, false, false, true),
      })
      .map(answer),
    weight: 10,
  },
  {
    arbitrary: fc.record({ which: choice, wrong: fc.constantFrom(false, false, false, true) }).map(use),
    weight: 5,
  },
  { arbitrary: fc.record({ which: choice, how: fc.constantFrom('withdraw', 'void') }).map(end), weight: 1 },
  {
    arbitrary: fc.record({ who: choice, groups: fc.subarray(['dba', 'leads']) }).map(regroup),
    weight: 2,
  },
  { arbitrary: fc.constantFrom(1, 4, 6, 16).map(pass), weight: 2 },
  { arbitrary: fc.constant(sweep), weight: 1 },
  { arbitrary: fc.constant(restart), weight: 1 },
)

/** Answers, uses and ends of one question that race. What each sees of the others is open, and what must hold is not. */
const racing = fc
  .tuple(
    choice,
    fc.array(
      fc.oneof(
        fc
          .record({ who: choice, verdict: fc.constantFrom('approve', 'deny') })
          .map(one => ({ kind: 'answer' as const, ...one })),
        fc.constant({ kind: 'use' as const }),
        fc.constant({ kind: 'use' as const }),
        fc.constantFrom('withdraw', 'void').map(how => ({ kind: 'end' as const, how })),
        fc.constant({ kind: 'expire' as const }),
      ),
      { minLength: 2, maxLength: 6 },
    ),
  )
  .map(([which, ones]): Step => {
    const steps = ones.map(one => {
      if (one.kind === 'answer') return answer({ which, who: one.who, verdict: one.verdict, wrong: false })
      if (one.kind === 'use') return use({ which, wrong: false })
      return one.kind === 'end' ? end({ which, how: one.how }) : expire
    })
    return async (model, real) => {
      if (model.known.length === 0) return
      await Promise.all(steps.map(step => step(model, real)))
    }
  })

/** The clock passes every wait while others are under way. */
const expire: Step = async (model, real) => {
  await pass(16)(model, real)
  await real.desk.sweep()
}

const steps = fc.array(fc.oneof({ arbitrary: single, weight: 6 }, { arbitrary: racing, weight: 1 }), {
  minLength: 20,
  maxLength: 40,
})

let uses = 0

async function run(all: readonly Step[], made: Real['made']): Promise<void> {
  const real: Real = { made, desk: made.desk }
  const model: Model = { known: [], now: made.clock.now, seen: new Map() }
  for (const { account } of PEOPLE) {
    await made.store.principals.remember(account, new Date(model.now))
    model.seen.set(account.subject, account.groups)
  }
  for (const step of all) {
    await step(model, real)
    await look(model, real)
  }
  await lookAtAudit(model, real)
  uses += model.known.filter(known => known.uses > 0).length
  real.desk.close()
}

afterAll(dropDatabases)

test('nothing is used without enough living yeses of other people, in whatever order things happen', async () => {
  const made = await makeDesk({ limits: { pendingMax: 20, recentMax: 1_000_000 } })
  await fc.assert(
    fc.asyncProperty(steps, all => run(all, made)),
    { numRuns: 10, endOnFailure: true },
  )
  // A model whose steps never meet would find nothing.
  expect(uses).toBeGreaterThan(3)
}, 60_000)

test('nor on PostgreSQL', async () => {
  const made = await makeDesk({ url: await newDatabase(), limits: { pendingMax: 20, recentMax: 1_000_000 } })
  await fc.assert(
    fc.asyncProperty(steps, all => run(all, made)),
    { numRuns: 5, endOnFailure: true },
  )
}, 60_000)
