import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { makeReviewId } from '../../src/domain/ids.js'
import { type RuleName, readRuleName } from '../../src/domain/names.js'
import type { Delivery } from '../../src/domain/notification.js'
import type { Store } from '../../src/store/store.js'

const START = Date.parse('2026-03-01T09:00:00.000Z')
const at = (minutes: number) => new Date(START + minutes * 60_000)

/** What every store must do with messages to people. */
export function deliveryContract(store: () => Store): void {
  const insert = async (change: Partial<Delivery> = {}): Promise<Delivery> => {
    const delivery = makeDelivery(change)
    await store().deliveries.insert([delivery])
    return delivery
  }
  const find = async (id: string) => (await store().deliveries.list(1000)).find(one => one.id === id)

  test('a message reads back as it was written', async () => {
    const delivery = await insert({ requester: '["https://idp","Bürgschaft 💶"]' })
    expect(await find(delivery.id)).toEqual(delivery)
  })

  test('only messages whose time has come are due, the oldest first, until they are done', async () => {
    const [late, first, second] = [
      await insert({ dueAt: at(30) }),
      await insert({ dueAt: at(10) }),
      await insert({ dueAt: at(20) }),
    ]
    const mine = new Set([late.id, first.id, second.id])
    const due = async (now: Date) =>
      (await store().deliveries.listDue(now, 1000)).map(one => one.id).filter(id => mine.has(id))
    expect(await due(at(20))).toEqual([first.id, second.id])
    await store().deliveries.finish(first.id, { state: 'delivered', error: undefined, doneAt: at(21) })
    expect(await due(at(30))).toEqual([second.id, late.id])
    expect(await find(first.id)).toMatchObject({ state: 'delivered', doneAt: at(21) })
  })

  test('of many who take a message for a try, one gets it', async () => {
    const delivery = await insert()
    const taken = await Promise.all(
      Array.from({ length: 8 }, () => store().deliveries.claim(delivery, at(5))),
    )
    expect(taken.filter(Boolean)).toHaveLength(1)
    expect(await find(delivery.id)).toMatchObject({ attempts: 1, dueAt: at(5), state: 'waiting' })
  })

  test('a try that failed leaves its reason, and what is done is never changed again', async () => {
    const delivery = await insert()
    await store().deliveries.fail(delivery.id, 'its receiver answered 500')
    expect(await find(delivery.id)).toMatchObject({ state: 'waiting', error: 'its receiver answered 500' })
    await store().deliveries.finish(delivery.id, { state: 'dropped', error: undefined, doneAt: at(1) })
    await store().deliveries.finish(delivery.id, { state: 'delivered', error: undefined, doneAt: at(2) })
    await store().deliveries.fail(delivery.id, 'late')
    expect(await find(delivery.id)).toMatchObject({ state: 'dropped', error: undefined, doneAt: at(1) })
    expect(await store().deliveries.claim(delivery, at(9))).toBe(false)
  })

  test('messages are counted by channel, person and event since a time', async () => {
    const of = { channel: channel('counted'), requester: '["i","counted"]', event: 'asked' } as const
    await insert({ ...of, createdAt: at(1) })
    await insert({ ...of, createdAt: at(5) })
    await insert({ ...of, createdAt: at(5), event: 'ended' })
    await insert({ ...of, createdAt: at(5), requester: '["i","other"]' })
    expect(await store().deliveries.countSince(of, at(0))).toBe(2)
    expect(await store().deliveries.countSince(of, at(1))).toBe(1)
  })
}

function makeDelivery(change: Partial<Delivery>): Delivery {
  return {
    id: `n-${randomBytes(12).toString('hex')}`,
    channel: channel('dba-chat'),
    event: 'asked',
    review: makeReviewId(randomBytes),
    requester: '["https://idp.example.com","u-1"]',
    createdAt: at(0),
    dueAt: at(0),
    attempts: 0,
    state: 'waiting',
    error: undefined,
    doneAt: undefined,
    ...change,
  }
}

function channel(name: string): RuleName {
  const read = readRuleName(name)
  if (read === undefined) throw new Error(`"${name}" is not a name`)
  return read
}
