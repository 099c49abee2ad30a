import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { writeMessage } from '../../../src/gateway/notifications/message.js'
import { signWebhook } from '../../../src/gateway/notifications/sign-webhook.js'
import { slackPayload } from '../../../src/gateway/notifications/slack-payload.js'
import { webhookPayload } from '../../../src/gateway/notifications/webhook-payload.js'
import { aReview, aTelling } from './a-review.js'

test('a message says who asks, for what, why, who may answer and until when', () => {
  const message = writeMessage(aTelling())
  expect(message).toEqual({
    subject: 'ada@example.com wants to run a statement on prod-db as writer',
    facts: [
      'database shop',
      'does UPDATE',
      'touches public.customers',
      'reason: ticket 12',
      'rule "writes-need-a-manager": 1 of [dba, their manager]',
      'waits until 2026-03-01T10:15:00.000Z',
    ],
    excerpt: ["UPDATE customers SET city = 'Rome' WHERE id = 7"],
    cut: undefined,
  })
})

test('a statement that is cut says so, and goes along only where it may', () => {
  const review = aReview({ operation: { statement: `SELECT '${'x'.repeat(2000)}'` } })
  expect(writeMessage(aTelling({ review })).cut).toBe('509 more characters are not shown here')
  expect(writeMessage(aTelling({ review, statements: false }))).toMatchObject({ excerpt: [], cut: undefined })
  const body = webhookPayload(aTelling({ review, statements: false }), new Date(0))
  expect(body).not.toContain('SELECT')
})

// what acts on a terminal, a mail program, a chat or an eye.
const TRICKS = [
  ['a colour', '\u001b[31m', '⟨ESC⟩'],
  ['a carriage return', 'DROP\rSAFE', '⟨CR⟩'],
  ['a bidirectional override', '\u202e', '⟨U+202E⟩'],
  ['a zero-width space', '\u200b', '⟨U+200B⟩'],
  ['a line feed in a name', 'a\nBcc: eve@example.com', '⟨LF⟩'],
] as const

test.each(TRICKS)('%s is shown and does nothing', (_, trick, shown) => {
  const review = aReview({
    reason: `because ${trick}`,
    requester: { issuer: 'i', subject: 's', name: `ada ${trick}`, groups: [] },
  })
  const { subject, facts } = writeMessage(aTelling({ review }))
  for (const line of [subject, facts.join(' ')]) {
    expect(line).toContain(shown)
    expect(line).not.toContain(trick)
  }
})

test('nothing that somebody chose is markup in a chat, and the only button is a link', () => {
  const evil = '<!channel> <https://evil.example|click> *bold* `code` ``` @here &amp;'
  const review = aReview({
    reason: evil,
    operation: { statement: evil, tables: [evil] },
    requester: { issuer: 'i', subject: 's', name: evil, groups: [] },
  })
  const payload = slackPayload(aTelling({ review }))
  const text = JSON.stringify(payload)
  expect(text).not.toContain('mrkdwn')
  expect(payload).toMatchObject({ text: expect.stringContaining('&lt;!channel&gt;') })
  expect(text.match(/"type":"button"/g)).toHaveLength(1)
  expect(text).not.toContain('action_id')
  expect(text).toContain('"url":"https://hoop.example.com/reviews/r-5555555555555555"')
})

test('a webhook is signed so that a receiver of Standard Webhooks accepts it', () => {
  // The example of the specification's reference libraries.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const message = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    at: new Date(1614265330_000),
    body: '{"test": 2432232314}',
  }
  expect(signWebhook(message, secret)).toEqual({
    'webhook-id': message.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
  const plain = signWebhook(message, 'a plain text')
  const signed = `${message.id}.1614265330.${message.body}`
  const expected = createHmac('sha256', 'a plain text').update(signed).digest('base64')
  expect(plain['webhook-signature']).toBe(`v1,${expected}`)
})
