import { expect, test } from 'vitest'
import type { RecordingEvent } from '../../../src/domain/event.js'
import { makeReviewId } from '../../../src/domain/ids.js'
import { readConnectionName, readRoleName, readRuleName } from '../../../src/domain/names.js'
import { makeObjectVersions } from '../../../src/domain/object-versions.js'
import type { Operation } from '../../../src/domain/operation.js'
import type { Review } from '../../../src/domain/review.js'
import type { HeldVerdict, Judged } from '../../../src/gateway/session/held-verdict.js'
import { type HoldOptions, makeHold } from '../../../src/gateway/session/hold.js'
import { HoopError } from '../../../src/lib/hoop-error.js'
import type { Verdict } from '../../../src/protocols/protocol.js'
import { ADA } from '../gateway-fixture.js'
import { demandBy, SESSION } from './waiting-desk.js'

const zeros = (size: number) => new Uint8Array(size)
const RULE = readRuleName('writes') ?? expect.unreachable()
const AT = new Date('2026-03-10T12:00:00Z')
const OPERATION: Operation = { text: 'UPDATE t SET a = 1', step: 'run', names: { behind: () => undefined } }
const DEMAND = demandBy(RULE)
const HELD: HeldVerdict = {
  decision: { kind: 'review', demands: [DEMAND] },
  facts: { understood: true, statements: [] },
  statements: [],
  masking: undefined,
  verbs: ['UPDATE'],
  tables: ['public.t'],
}
const REVIEW: Review = {
  id: makeReviewId(zeros),
  subject: {
    kind: 'grant',
    connection: readConnectionName('shop') ?? expect.unreachable(),
    role: readRoleName('writer') ?? expect.unreachable(),
    durationMs: 0,
    afterwards: false,
  },
  requester: ADA,
  address: '',
  reason: undefined,
  demands: [DEMAND],
  digest: '',
  askedAt: AT,
  until: new Date(AT.getTime() + 60_000),
  state: 'pending',
  stateAt: AT,
  why: undefined,
  answers: [],
}
const NOTHING = makeObjectVersions([])

/** Everything that a hold does, in order; each step can be made to fail, or to do something first. */
class Setup {
  readonly steps: string[] = []
  readonly abort = new AbortController()
  readonly events: RecordingEvent[] = []
  state: Review['state'] = 'pending'
  judged: Judged = HELD
  readonly #at = new Map<string, () => void>()

  /** Does this right before the `count`th time of a step. */
  before(step: string, act: () => void, count = 1): this {
    this.#at.set(`${step} ${count}`, act)
    return this
  }

  failing(
    step: string,
    error: unknown = new HoopError('store_unavailable', 'Cannot reach the store: it is away'),
    count = 1,
  ): this {
    return this.before(
      step,
      () => {
        throw error
      },
      count,
    )
  }

  async run(): Promise<Verdict> {
    return makeHold(this.#options())({
      operation: OPERATION,
      verdict: HELD,
      signal: this.abort.signal,
      notify: () => this.#step('notify'),
    })
  }

  #options(): HoldOptions {
    const move = async (step: string, state: Review['state']): Promise<Review> => {
      this.#step(step)
      // As the desk does: what has ended stays as it is.
      const isOpen = this.state === 'pending' || this.state === 'approved'
      if (isOpen) this.state = state
      return { ...REVIEW, state: this.state, why: step }
    }
    return {
      desk: {
        ask: () => move('ask', 'pending'),
        find: async () => undefined,
        answer: () => move('answer', 'approved'),
        withdraw: () => move('withdraw', 'withdrawn'),
        settled: async () => {
          const review = await move('settled', 'approved')
          this.abort.signal.throwIfAborted()
          return review
        },
        use: async () => {
          const review = await move('use', 'used')
          return review.state === 'used'
            ? { kind: 'used', review }
            : { kind: 'refused', why: 'it is over', review }
        },
        void: () => move('void', 'voided'),
      },
      recorder: {
        append: event => {
          this.#step('append')
          this.events.push(event)
        },
        commit: () => {
          this.#step('commit')
          return undefined
        },
        close: async () => '',
      },
      session: SESSION,
      client: 1,
      database: 'shop',
      settings: {},
      reason: undefined,
      until: REVIEW.until,
      judge: async () => {
        this.#step('judge')
        return this.judged
      },
      readVersions: async () => {
        this.#step('versions')
        return NOTHING
      },
      estimateRows: async () => {
        this.#step('estimate')
        return undefined
      },
      whyEnded: () => undefined,
      reviewUrl: id => `https://hoop.example.com/reviews/${id}`,
      onFault: () => {},
    }
  }

  #step(step: string): void {
    this.steps.push(step)
    const count = this.steps.filter(one => one === step).length
    this.#at.get(`${step} ${count}`)?.()
  }
}

const GOOD = [
  'versions',
  'estimate',
  'ask',
  'append',
  'commit',
  'notify',
  'settled',
  'judge',
  'versions',
  'use',
  'append',
  'notify',
]

test('a yes is used after everything was looked at again, and before the statement goes on', async () => {
  const setup = new Setup()
  expect((await setup.run()).decision).toEqual({ kind: 'allow', rule: RULE, review: REVIEW.id })
  expect(setup.steps).toEqual(GOOD)
})

/** Steps whose failure is one of the wait itself; a failed estimate or notice is no reason to refuse. */
const STEPS = GOOD.map((step, at) => ({
  step,
  count: GOOD.slice(0, at + 1).filter(one => one === step).length,
}))

test('whichever step fails, nothing runs and no approval is left that could be used', async () => {
  for (const { step, count } of STEPS) {
    if (step === 'estimate') continue
    const setup = new Setup().failing(step, undefined, count)
    const decision = await setup.run().then(
      verdict => verdict.decision.kind,
      () => 'ended',
    )
    expect([step, count, decision]).not.toContain('allow')
    expect([step, count, setup.state]).not.toEqual([step, count, 'approved'])
  }
  expect((await new Setup().failing('estimate').run()).decision.kind).toBe('allow')
})

test('whenever its client leaves, nothing runs', async () => {
  for (const { step, count } of STEPS) {
    // Once it is used and told, the verdict is the relay's, which has ended.
    if (step === 'notify' && count === 2) continue
    const setup = new Setup()
    setup.before(step, () => setup.abort.abort('client_closed'), count)
    const { decision } = await setup.run()
    expect([step, count, decision.kind]).toEqual([step, count, 'deny'])
    expect([step, count, setup.state]).not.toEqual([step, count, 'approved'])
  }
})

test('a recorder that fails ends the connection, and the question is taken back', async () => {
  const error = new HoopError('recording_failed', 'Cannot record the session: the disk is full')
  for (const step of ['append', 'commit']) {
    const setup = new Setup().failing(step, error)
    await expect(setup.run()).rejects.toBe(error)
    expect(setup.state).toBe('withdrawn')
  }
})

test('rules that changed meanwhile void the yes; rules that let it pass now do not', async () => {
  const other: HeldVerdict = {
    ...HELD,
    decision: { kind: 'review', demands: [{ ...DEMAND, terms: { ...DEMAND.terms, count: 2 } }] },
  }
  const changed = new Setup()
  changed.judged = other
  expect((await changed.run()).decision).toMatchObject({
    kind: 'deny',
    message: 'the rules were changed since it was asked',
  })
  expect(changed.state).toBe('voided')
  const denied = new Setup()
  denied.judged = { ...HELD, decision: { kind: 'deny', rule: RULE, message: 'not now', hint: undefined } }
  expect((await denied.run()).decision).toMatchObject({ kind: 'deny', message: 'not now' })
  expect(denied.state).toBe('voided')
  const free = new Setup()
  free.judged = { ...HELD, decision: { kind: 'allow', rule: undefined } }
  expect((await free.run()).decision).toMatchObject({ kind: 'allow', review: REVIEW.id })
})

test('a question that cannot be asked is refused with the reason', async () => {
  const error = new HoopError('limit_exceeded', 'Cannot ask: 20 questions wait already', {
    hint: 'hoop reviews',
  })
  expect((await new Setup().failing('ask', error).run()).decision).toEqual({
    kind: 'deny',
    rule: RULE,
    message: 'Cannot ask: 20 questions wait already',
    hint: 'hoop reviews',
  })
})
