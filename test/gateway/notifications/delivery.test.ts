import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeReviewId, type ReviewId } from '../../../src/domain/ids.js'
import type { NotificationChannel } from '../../../src/domain/notification.js'
import type { Review } from '../../../src/domain/review.js'
import { DeliveryWorker } from '../../../src/gateway/notifications/delivery-worker.js'
import { Notifier } from '../../../src/gateway/notifications/notifier.js'
import { signWebhook } from '../../../src/gateway/notifications/sign-webhook.js'
import { openStore, type Store } from '../../../src/store/store.js'
import { SILENT_LOG } from '../../../src/tunnel/log.js'
import { aReview, CHANNEL } from './a-review.js'

const START = Date.parse('2026-03-01T10:00:00.000Z')

let directory: string
let store: Store
let server: Server
let worker: DeliveryWorker
let nowMs: number
let status: number
const received: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = []
const reviews = new Map<ReviewId, Review>()
let channels: readonly NotificationChannel[]
let notifier: Notifier

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hoop-notify-'))
  store = await openStore({ kind: 'sqlite', file: join(directory, 'hoop.db') })
  server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    received.push({ headers: request.headers, body })
    response.writeHead(status).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  nowMs = START
  status = 204
  received.length = 0
  reviews.clear()
  channels = [webhook()]
  startWorker()
})

afterEach(async () => {
  await worker.close()
  await store.close()
  server.close()
  rmSync(directory, { recursive: true })
})

function startWorker(): void {
  worker = new DeliveryWorker({
    deliveries: store.deliveries,
    channels: () => channels,
    findReview: async id => reviews.get(id),
    resolveSecret: reference => (reference.kind === 'literal' ? reference.value : ''),
    publicUrl: 'https://hoop.example.com',
    audit: entry => store.audit.append(entry),
    now: () => new Date(nowMs),
    log: SILENT_LOG,
  })
  const { deliveries } = store
  notifier = new Notifier({
    deliveries,
    channels: () => channels,
    now: () => new Date(nowMs),
    randomBytes,
    wake: worker.wake,
  })
}

function webhook(): NotificationChannel {
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const url = { kind: 'literal', value: `http://127.0.0.1:${port}/hook` } as const
  const secret = { kind: 'literal', value: 'whsec_c2VjcmV0' } as const
  return { name: CHANNEL, approvals: ['a-*'], statements: true, target: { kind: 'webhook', url, secret } }
}

/** Another question of the same person. */
function question(change: Partial<Review> = {}): Review {
  const review = aReview({ id: makeReviewId(randomBytes), ...change })
  reviews.set(review.id, review)
  return review
}

async function logged() {
  return (await store.deliveries.list(1000)).map(({ event, state, attempts }) => ({ event, state, attempts }))
}

test('a question reaches its receiver at once, signed, with the address where it is answered', async () => {
  const review = question()
  await notifier.asked(review)
  await expect.poll(logged).toEqual([{ event: 'asked', state: 'delivered', attempts: 1 }])
  const [message] = received
  const body: unknown = JSON.parse(message?.body ?? '')
  expect(body).toMatchObject({
    type: 'review.asked',
    data: { review: review.id, url: `https://hoop.example.com/reviews/${review.id}` },
  })
  const id = String(message?.headers['webhook-id'])
  const at = new Date(Number(message?.headers['webhook-timestamp']) * 1000)
  const signed = signWebhook({ id, at, body: message?.body ?? '' }, 'whsec_c2VjcmV0')
  expect(message?.headers['webhook-signature']).toBe(signed['webhook-signature'])
  // Written after the delivery is.
  await expect
    .poll(async () => (await store.audit.list({ limit: 1 }))[0])
    .toMatchObject({ action: 'notification.delivered', subject: review.id })
})

test('a question about another approval is not told here', async () => {
  channels = [{ ...webhook(), approvals: ['b-*'] }]
  await notifier.asked(question())
  expect(await logged()).toEqual([])
})

test('a receiver that fails is tried again later, under the same name, and given up in the end', async () => {
  status = 500
  await notifier.asked(question())
  for (const [attempts, minutes] of [5, 30, 120, 600, 3600, 6 * 3600].entries()) {
    await expect.poll(logged).toEqual([{ event: 'asked', state: 'waiting', attempts: attempts + 1 }])
    await expect.poll(async () => (await store.deliveries.list(1))[0]?.error).toContain('answered 500')
    nowMs += minutes * 1000
    worker.wake()
  }
  await expect.poll(logged).toEqual([{ event: 'asked', state: 'failed', attempts: 7 }])
  expect(received).toHaveLength(7)
  expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  expect((await store.audit.list({ limit: 1 }))[0]).toMatchObject({ action: 'notification.failed' })
})

test('what a gateway did not send before it died, the next one sends', async () => {
  await worker.close()
  await notifier.asked(question())
  expect(await logged()).toEqual([{ event: 'asked', state: 'waiting', attempts: 0 }])
  startWorker()
  worker.wake()
  await expect.poll(logged).toEqual([{ event: 'asked', state: 'delivered', attempts: 1 }])
})

test('nobody is called for a question that is over before its message goes out', async () => {
  await worker.close()
  const review = question()
  await notifier.asked(review)
  reviews.set(review.id, { ...review, state: 'withdrawn' })
  startWorker()
  worker.wake()
  await expect.poll(logged).toEqual([{ event: 'asked', state: 'dropped', attempts: 1 }])
  expect(received).toEqual([])
})

test('a channel that a reload took away gets nothing any more', async () => {
  await worker.close()
  await notifier.asked(question())
  channels = []
  startWorker()
  worker.wake()
  await expect.poll(logged).toEqual([{ event: 'asked', state: 'dropped', attempts: 1 }])
})

test('somebody who asks in a flood is told of ten times, and once of the rest', async () => {
  for (let index = 0; index < 25; index += 1) await notifier.asked(question())
  await expect.poll(async () => received.length).toBe(10)
  expect((await logged()).filter(({ event }) => event === 'more')).toEqual([
    { event: 'more', state: 'waiting', attempts: 0 },
  ])
  const other = question({ requester: { issuer: 'i', subject: 'other', name: 'other', groups: [] } })
  await notifier.asked(other)
  await expect.poll(async () => received.length).toBe(11)
  nowMs += 10 * 60_000
  worker.wake()
  await expect.poll(async () => received.length).toBe(12)
  expect(received.at(-1)?.body).toContain('asks for more')
})
