import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { signWebhook } from '../../src/gateway/notifications/sign-webhook.js'
import { ADA, EVE, GRACE, type HoopStack, startHoopStack } from '../setup/hoop-stack.js'
import { sqlOn } from '../setup/postgres.js'

const DATABASE = 'told_people'
const SECRET = 'whsec_c2VjcmV0IG9mIHRoZSB0ZXN0'

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let stack: HoopStack
let receiver: Server
const received: Received[] = []

beforeAll(async () => {
  const postgres = inject('postgres')
  await sqlOn(postgres, 'postgres', `CREATE DATABASE ${DATABASE}`)
  await sqlOn(
    postgres,
    DATABASE,
    `CREATE TABLE orders (id int PRIMARY KEY, total int);
     INSERT INTO orders VALUES (1, 10);
     GRANT ALL ON ALL TABLES IN SCHEMA public TO writer;`,
  )
  receiver = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    received.push({ headers: request.headers, body })
    response.writeHead(204).end()
  })
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
  const address = receiver.address()
  const port = typeof address === 'object' ? address?.port : undefined
  stack = await startHoopStack({
    connections: [
      {
        name: 'shop',
        type: 'postgres',
        address: `${postgres.host}:${postgres.port}`,
        agent: 'beside-db',
        tls: { mode: 'disable' },
        database: DATABASE,
        roles: [{ name: 'writer', user: 'writer', password: 'env:WRITER' }],
      },
    ],
    config: {
      approvals: [{ name: 'an-auditor', groups: ['auditors'] }],
      statements: [
        // biome-ignore lint/suspicious/noThenProperty: a key of the file.
        { name: 'ask-first', when: 'statement.writes', then: 'review', approval: 'an-auditor' },
      ],
      notify: [{ name: 'tickets', webhook: { url: 'env:TICKETS_URL', secret: 'env:TICKETS_SECRET' } }],
    },
    secrets: {
      WRITER: postgres.writer.password,
      TICKETS_URL: `http://127.0.0.1:${port}/a-path-of-secrets`,
      TICKETS_SECRET: SECRET,
    },
    agentAllows: [`${postgres.host}:${postgres.port}`],
  })
  for (const person of [ADA, GRACE, EVE]) expect((await stack.login(person)).code).toBe(0)
})

afterAll(async () => {
  await stack?.stop()
  receiver?.close()
  await sqlOn(inject('postgres'), 'postgres', `DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`)
})

test('who has to answer is told at once, answers what was told, and the asking is over for everyone', async () => {
  const running = stack.hoop(ADA, [
    ...['connect', 'shop', '--reason', 'ticket 12', '--', '-X', '-A', '-t'],
    ...['-c', 'UPDATE orders SET total = 20 WHERE id = 1 RETURNING total'],
  ])
  await expect.poll(() => received.length, { timeout: 15_000 }).toBe(1)
  const [asked] = received
  const { type, data } = JSON.parse(asked?.body ?? '')
  expect(type).toBe('review.asked')
  expect(data).toMatchObject({
    requester: { name: 'ada@example.com' },
    connection: 'shop',
    operation: { tables: ['public.orders'], verbs: ['UPDATE'] },
  })
  expect(signatureOf(asked)).toBe(asked?.headers['webhook-signature'])
  const answered = await stack.hoop(GRACE, ['reviews', 'approve', data.review, '--digest', data.digest])
  expect(answered).toMatchObject({ code: 0 })
  const ran = await running
  expect(ran.stdout).toContain('20')
  expect(ran.code).toBe(0)
  await expect.poll(() => received.length, { timeout: 10_000 }).toBe(2)
  expect(received[1]?.body).toContain('grace@example.com said yes')
}, 60_000)

test('auditors read what was delivered, and nobody else', async () => {
  const { stdout } = await stack.hoop(GRACE, ['notifications', '--json'])
  expect(JSON.parse(stdout)).toMatchObject([
    { channel: 'tickets', event: 'ended', state: 'delivered', attempts: 1 },
    { channel: 'tickets', event: 'asked', state: 'delivered', attempts: 1 },
  ])
  const refused = await stack.hoop(EVE, ['notifications'])
  expect(refused.code).toBe(77)
  expect(refused.stderr).toContain('only auditors may read the delivery log')
})

test('neither the address nor the secret of a channel is in the log', () => {
  expect(stack.gatewayLog()).not.toContain('a-path-of-secrets')
  expect(stack.gatewayLog()).not.toContain(SECRET)
})

function signatureOf(message: Received | undefined): string | undefined {
  const id = String(message?.headers['webhook-id'])
  const at = new Date(Number(message?.headers['webhook-timestamp']) * 1000)
  return signWebhook({ id, at, body: message?.body ?? '' }, SECRET)['webhook-signature']
}
