import { describe, expect, test } from 'vitest'
import type { Review } from '../../../src/domain/review.js'
import type { AnswerRequest, ReviewQuestion } from '../../../src/gateway/reviews/desk.js'
import type { ReviewObserver } from '../../../src/gateway/reviews/review-desk.js'
import {
  ADA,
  ADDRESS,
  aGrant,
  answerTo,
  DIGEST,
  demand,
  EVE,
  GRACE,
  HEDY,
  held,
  makeDesk,
  person,
  question,
} from './desk-fixture.js'

const MINUTE = 60_000
const FOREVER = new AbortController().signal

describe('a question', () => {
  test('is answered by somebody else, used once, and every step is in the audit log', async () => {
    const { desk, store, audited } = await makeDesk()
    const asked = await desk.ask(question({ digest: DIGEST }))
    expect(asked).toMatchObject({ state: 'pending', until: new Date('2026-03-01T10:15:00.000Z') })
    expect(await desk.find(asked.id)).toEqual(asked)
    const approved = await desk.answer(asked.id, answerTo(asked, GRACE, { comment: 'looks fine' }))
    expect(approved).toMatchObject({ state: 'approved', until: new Date('2026-03-01T10:05:00.000Z') })
    expect(await desk.find(asked.id)).toEqual(approved)
    expect(await desk.use(asked.id, DIGEST)).toMatchObject({ kind: 'used', review: { state: 'used' } })
    expect(await desk.use(asked.id, DIGEST)).toMatchObject({
      kind: 'refused',
      why: 'it was used at 2026-03-01T10:00:00.000Z',
    })
    expect(await audited(asked.id)).toEqual([
      'review.asked',
      'review.answered',
      'review.approved',
      'review.used',
      'review.refused',
    ])
    const [entry] = (await store.audit.list({ limit: 10 })).filter(
      ({ action }) => action === 'review.answered',
    )
    expect(entry).toMatchObject({
      actor: { subject: 'u-grace' },
      address: '198.51.100.9',
      rule: 'writes-need-a-dba',
      detail: { verdict: 'approve', comment: 'looks fine', digest: DIGEST },
    })
  })

  test('waits as long as the shortest of its demands, less in a transaction, never past the end of its grant', async () => {
    const { desk } = await makeDesk()
    const demands = [demand(), demand({ waitMs: 5 * MINUTE, waitInTransactionMs: 2 * MINUTE })]
    const waits = async (change: Partial<ReviewQuestion>): Promise<string> =>
      (await desk.ask(question({ demands, ...change }))).until.toISOString().slice(11, 19)
    expect(await waits({})).toBe('10:05:00')
    expect(await waits({ subject: held({ inTransaction: true }) })).toBe('10:01:00')
    expect(await waits({ notAfter: new Date('2026-03-01T10:00:30Z') })).toBe('10:00:30')
    expect(await waits({ notAfter: new Date('2026-03-01T11:00:00Z') })).toBe('10:05:00')
  })

  test('is not asked without the reason that people want', async () => {
    const { desk, store } = await makeDesk()
    const demands = [demand({ reasonRequired: true })]
    for (const reason of [undefined, '', ' \n']) {
      await expect(desk.ask(question({ demands, reason }))).rejects.toMatchObject({ code: 'usage' })
    }
    expect(await desk.ask(question({ demands, reason: 'ticket 12' }))).toMatchObject({ state: 'pending' })
    const entries = await store.audit.list({ limit: 10 })
    expect(entries.filter(({ action }) => action === 'review.refused')).toHaveLength(3)
  })

  test('is not asked when people could not be shown all of it', async () => {
    const { desk } = await makeDesk()
    const statement = `select '${'x'.repeat(1024 * 1024)}'; drop table users`
    await expect(desk.ask(question({ subject: held({ statement }) }))).rejects.toMatchObject({
      code: 'limit_exceeded',
      message:
        'Cannot run the statement: rule "writes-need-a-dba" asks people, and it is too large to be shown to people',
    })
    const behind = ['x'.repeat(1024 * 1024)]
    await expect(desk.ask(question({ subject: held({ behind }) }))).rejects.toMatchObject({
      code: 'limit_exceeded',
    })
  })

  test('is refused when one person asks too much', async () => {
    const { desk, clock } = await makeDesk({ limits: { pendingMax: 3, recentMax: 5 } })
    const ask = () => desk.ask(question())
    const reviews = [await ask(), await ask(), await ask()]
    await expect(ask()).rejects.toMatchObject({
      code: 'limit_exceeded',
      message: 'Cannot ask for approval: too many of your questions wait already',
    })
    for (const { id } of reviews) await desk.withdraw(id, 'of no use')
    await ask()
    await ask()
    await expect(ask()).rejects.toMatchObject({
      message: 'Cannot ask for approval: you asked too much lately',
    })
    expect(await desk.ask(question({ requester: EVE }))).toMatchObject({ state: 'pending' })
    clock.now += 10 * MINUTE
    expect(await ask()).toMatchObject({ state: 'pending' })
  })

  test('that a person asked about a grant already is the same question', async () => {
    const { desk } = await makeDesk()
    const one = await desk.ask(question({ subject: aGrant(), digest: DIGEST }))
    expect(await desk.ask(question({ subject: aGrant(), digest: DIGEST }))).toEqual(one)
  })
})

describe('an answer', () => {
  const refused: readonly [string, Partial<AnswerRequest>, object][] = [
    [
      'of the requester',
      { by: ADA },
      { code: 'forbidden', message: expect.stringContaining('your own question') },
    ],
    ['of the requester, who joined the group', { by: { ...ADA, groups: ['dba'] } }, { code: 'forbidden' }],
    ['of nobody in particular', { by: EVE }, { code: 'forbidden' }],
    ['of nobody in particular to refuse', { by: EVE, verdict: 'deny' }, { code: 'forbidden' }],
    ['to something else', { digest: 'e'.repeat(64) }, { code: 'conflict' }],
  ]
  test.each(refused)('%s is refused and changes nothing', async (_, change, error) => {
    const { desk, audited } = await makeDesk()
    const asked = await desk.ask(question())
    await expect(desk.answer(asked.id, answerTo(asked, GRACE, change))).rejects.toMatchObject(error)
    expect(await desk.find(asked.id)).toEqual(asked)
    expect(await audited(asked.id)).toEqual(['review.asked', 'review.refused'])
  })

  test('of the requester by another account is refused', async () => {
    const { desk } = await makeDesk()
    const asked = await desk.ask(question({ requester: { ...ADA, person: 'p-1' } }))
    const by = person('ada-admin', ['dba'], { person: 'p-1' })
    await expect(desk.answer(asked.id, answerTo(asked, by))).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('of whoever lost the group since their token was made is refused', async () => {
    const { desk, store, clock } = await makeDesk()
    const asked = await desk.ask(question())
    await store.principals.remember({ ...GRACE, groups: [] }, new Date(clock.now))
    await expect(desk.answer(asked.id, answerTo(asked, GRACE))).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('of one person counts once, however many groups and accounts they have', async () => {
    const { desk } = await makeDesk()
    const demands = [demand({ groups: ['dba'] }), demand({ groups: ['leads'] }, 'money-needs-a-lead')]
    const asked = await desk.ask(question({ demands, digest: DIGEST }))
    const hedy = { ...HEDY, person: 'p-hedy' }
    expect(await desk.answer(asked.id, answerTo(asked, hedy))).toMatchObject({ state: 'pending' })
    await expect(desk.answer(asked.id, answerTo(asked, hedy))).rejects.toMatchObject({
      message: expect.stringContaining('you have said yes already'),
    })
    const account = person('hedy-admin', ['leads'], { person: 'p-hedy' })
    await expect(desk.answer(asked.id, answerTo(asked, account))).rejects.toMatchObject({ code: 'conflict' })
    expect(await desk.use(asked.id, DIGEST)).toMatchObject({ kind: 'refused', why: 'it is not approved' })
    expect(await desk.answer(asked.id, answerTo(asked, GRACE))).toMatchObject({ state: 'approved' })
  })

  test('of no by one who may answer is enough, also after their own yes', async () => {
    const { desk } = await makeDesk()
    const asked = await desk.ask(question({ demands: [demand({ count: 2 })] }))
    await desk.answer(asked.id, answerTo(asked, GRACE))
    const no = answerTo(asked, GRACE, { verdict: 'deny', comment: 'not on a Friday' })
    expect(await desk.answer(asked.id, no)).toMatchObject({
      state: 'denied',
      why: 'denied by grace@example.com: not on a Friday',
    })
    await expect(desk.answer(asked.id, answerTo(asked, HEDY))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(
        'it was denied at 2026-03-01T10:00:00.000Z: denied by grace@example.com',
      ),
    })
  })

  test('of many at once counts once each, and the last that is needed approves', async () => {
    const { desk, audited } = await makeDesk()
    const asked = await desk.ask(question({ demands: [demand({ count: 3 })] }))
    const people = [1, 2, 3, 4, 5].map(number => person(`dba-${number}`, ['dba']))
    const results = await Promise.allSettled(people.map(by => desk.answer(asked.id, answerTo(asked, by))))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    const after = await desk.find(asked.id)
    expect(after).toMatchObject({ state: 'approved' })
    expect(after?.answers).toHaveLength(3)
    expect((await audited(asked.id)).filter(action => action === 'review.approved')).toHaveLength(1)
  })

  test('of people who are not needed is kept a hundred times', async () => {
    const { desk } = await makeDesk()
    const demands = [demand({ groups: ['dba'] }), demand({ groups: ['leads'] }, 'money-needs-a-lead')]
    const asked = await desk.ask(question({ demands }))
    for (let number = 0; number < 100; number += 1) {
      await desk.answer(asked.id, answerTo(asked, person(`dba-${number}`, ['dba'])))
    }
    await expect(desk.answer(asked.id, answerTo(asked, GRACE))).rejects.toMatchObject({ code: 'conflict' })
    const no = answerTo(asked, GRACE, { verdict: 'deny' })
    expect(await desk.answer(asked.id, no)).toMatchObject({ state: 'denied' })
  })

  test('that comes when the time is over is too late', async () => {
    const { desk, clock, audited } = await makeDesk()
    const asked = await desk.ask(question())
    clock.now += 15 * MINUTE
    await expect(desk.answer(asked.id, answerTo(asked, GRACE))).rejects.toMatchObject({ code: 'conflict' })
    expect(await desk.find(asked.id)).toMatchObject({ state: 'expired', why: 'nobody answered in time' })
    expect(await audited(asked.id)).toEqual(['review.asked', 'review.expired', 'review.refused'])
  })

  test('to a question that is none is refused', async () => {
    const { desk } = await makeDesk()
    const asked = await (await makeDesk()).desk.ask(question())
    await expect(desk.answer(asked.id, answerTo(asked, GRACE))).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('an approval', () => {
  const approve = async (change: Partial<ReviewQuestion> = {}) => {
    const made = await makeDesk()
    const asked = await made.desk.ask(question({ digest: DIGEST, ...change }))
    await made.desk.answer(asked.id, answerTo(asked, GRACE))
    return { ...made, id: asked.id }
  }

  test('is used once, also by many at once', async () => {
    const { desk, id } = await approve()
    const uses = await Promise.all([1, 2, 3, 4].map(() => desk.use(id, DIGEST)))
    expect(uses.filter(({ kind }) => kind === 'used')).toHaveLength(1)
  })

  test('is not used for anything else, and is gone by the try', async () => {
    const { desk, id } = await approve()
    expect(await desk.use(id, 'e'.repeat(64))).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('what would run now is not what was approved'),
    })
    expect(await desk.use(id, DIGEST)).toMatchObject({ kind: 'refused', review: { state: 'voided' } })
  })

  test('is not used after its time', async () => {
    const { desk, id, clock } = await approve()
    clock.now += 5 * MINUTE
    expect(await desk.use(id, DIGEST)).toMatchObject({ kind: 'refused', review: { state: 'expired' } })
  })

  test.each([
    ['lost the group', { ...GRACE, groups: [] }],
    ['turned out to be the requester', { ...GRACE, person: 'p-1' }],
  ])('is not used when whoever said yes %s since', async (_, now) => {
    const { desk, id, store, clock } = await approve({ requester: { ...ADA, person: 'p-1' } })
    await store.principals.remember(now, new Date(clock.now))
    expect(await desk.use(id, DIGEST)).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('somebody who said yes may not any more'),
      review: { state: 'voided' },
    })
  })

  test('is used where whoever said yes was seen again with their group', async () => {
    const { desk, id, store, clock } = await approve()
    await store.principals.remember({ ...GRACE, groups: ['dba', 'new'] }, new Date(clock.now))
    expect(await desk.use(id, DIGEST)).toMatchObject({ kind: 'used' })
  })

  test('that was taken back or voided is not used', async () => {
    for (const end of ['withdraw', 'void'] as const) {
      const { desk, id } = await approve()
      await desk[end](id, 'the view was replaced')
      expect(await desk.use(id, DIGEST)).toMatchObject({
        kind: 'refused',
        why: expect.stringContaining('the view was replaced'),
      })
    }
  })
})

describe('a question about what was given already', () => {
  const afterwards = async () => {
    const made = await makeDesk()
    const subject = aGrant({ afterwards: true })
    return { ...made, asked: await made.desk.ask(question({ subject, digest: DIGEST })) }
  }

  test('waits for a month and is not closed by who asked', async () => {
    const { desk, asked } = await afterwards()
    expect(asked.until).toEqual(new Date('2026-03-31T10:00:00.000Z'))
    await expect(desk.withdraw(asked.id, 'never mind')).rejects.toMatchObject({ code: 'forbidden' })
    expect(await desk.find(asked.id)).toEqual(asked)
  })

  test('ends with the last yes, and gives nothing a second time', async () => {
    const { desk, asked } = await afterwards()
    expect(await desk.answer(asked.id, answerTo(asked, GRACE))).toMatchObject({ state: 'used' })
    expect(await desk.use(asked.id, DIGEST)).toMatchObject({ kind: 'refused' })
  })
})

describe('whoever waits for a question', () => {
  test('hears of its answer', async () => {
    const { desk } = await makeDesk()
    const asked = await desk.ask(question())
    const settled = desk.settled(asked.id, FOREVER)
    const approved = await desk.answer(asked.id, answerTo(asked, GRACE))
    expect(await settled).toEqual(approved)
    expect(await desk.settled(asked.id, FOREVER)).toEqual(approved)
  })

  test('hears of the end of its time', async () => {
    const { desk, clock } = await makeDesk()
    const asked = await desk.ask(question())
    const settled = desk.settled(asked.id, FOREVER)
    clock.now += 15 * MINUTE
    await desk.sweep()
    expect(await settled).toMatchObject({ state: 'expired' })
  })

  test('hears of the end of its time by the clock alone', async () => {
    const { desk } = await makeDesk({ now: () => new Date() })
    const asked = await desk.ask(question({ demands: [demand({ waitMs: 20 })] }))
    expect(await desk.settled(asked.id, FOREVER)).toMatchObject({ state: 'expired' })
  })

  test('waits no more when they go', async () => {
    const { desk } = await makeDesk()
    const asked = await desk.ask(question())
    const going = new AbortController()
    const settled = desk.settled(asked.id, going.signal)
    going.abort(new Error('gone'))
    await expect(settled).rejects.toThrow('gone')
    await expect(desk.settled(asked.id, going.signal)).rejects.toThrow('gone')
    expect(await desk.find(asked.id)).toMatchObject({ state: 'pending' })
  })
})

describe('a restart', () => {
  test('withdraws what was held, approved or not, and leaves questions about grants', async () => {
    const { desk, audited } = await makeDesk()
    const [waiting, approved, grant] = [
      await desk.ask(question()),
      await desk.ask(question({ digest: DIGEST })),
      await desk.ask(question({ subject: aGrant() })),
    ]
    await desk.answer(approved.id, answerTo(approved, GRACE))
    await desk.withdrawLost()
    const why = 'the gateway that held it stopped'
    expect(await desk.find(waiting.id)).toMatchObject({ state: 'withdrawn', why })
    expect(await desk.find(approved.id)).toMatchObject({ state: 'withdrawn', why })
    expect(await desk.find(grant.id)).toEqual(grant)
    expect(await desk.use(approved.id, DIGEST)).toMatchObject({ kind: 'refused' })
    expect(await audited(waiting.id)).toEqual(['review.asked', 'review.withdrawn'])
  })
})

describe('people are told', () => {
  const told = () => {
    const heard: [string, string][] = []
    const note = (what: string) => async (review: Review) => void heard.push([what, review.state])
    return { heard, observer: { asked: note('asked'), ended: note('ended') } satisfies ReviewObserver }
  }

  test('once of each question and once of its end', async () => {
    const { heard, observer } = told()
    const { desk } = await makeDesk({ observer })
    const asked = await desk.ask(question({ digest: DIGEST }))
    await desk.ask(question({ digest: DIGEST, address: ADDRESS }))
    await desk.answer(asked.id, answerTo(asked, GRACE))
    await desk.use(asked.id, DIGEST)
    expect(heard).toEqual([
      ['asked', 'pending'],
      ['ended', 'approved'],
    ])
  })

  test('each time that somebody breaks the glass', async () => {
    const { heard, observer } = told()
    const { desk } = await makeDesk({ observer })
    const broken = question({ subject: aGrant({ afterwards: true }), digest: DIGEST })
    const [one, two] = [await desk.ask(broken), await desk.ask(broken)]
    expect(one.id).not.toBe(two.id)
    expect(heard).toHaveLength(2)
  })

  test('or not, and the question is asked all the same', async () => {
    const fails = () => Promise.reject(new Error('no mail today'))
    const { desk, warnings } = await makeDesk({ observer: { asked: fails, ended: fails } })
    expect(await desk.ask(question())).toMatchObject({ state: 'pending' })
    await expect.poll(() => warnings).toHaveLength(1)
  })
})
