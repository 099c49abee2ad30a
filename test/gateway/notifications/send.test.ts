import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { afterEach, expect, test } from 'vitest'
import type { NotificationTarget } from '../../../src/domain/notification.js'
import { sendEmail } from '../../../src/gateway/notifications/send-email.js'
import { postJson } from '../../../src/gateway/notifications/send-http.js'
import { aReview, aTelling } from './a-review.js'

const opened: { close(): unknown }[] = []
afterEach(() => {
  for (const one of opened.splice(0)) one.close()
})

async function receiver(answer: (request: IncomingMessage) => number, headers = {}): Promise<string> {
  const server: Server = createServer((request, response) => {
    request.resume().once('end', () => response.writeHead(answer(request), headers).end('something'))
  })
  opened.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${portOf(server)}/a-secret-path`
}

function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

test('a receiver that answers anything but 2xx is a failure that does not tell the address', async () => {
  for (const status of [301, 307, 400, 410, 500]) {
    const url = await receiver(() => status, { location: 'https://evil.example/' })
    const failure = await postJson({ url, headers: {}, body: '{}' }).then(undefined, error => error)
    expect(String(failure)).toContain(`its receiver answered ${status}`)
    expect(String(failure)).not.toContain('a-secret-path')
  }
  await expect(postJson({ url: await receiver(() => 204), headers: {}, body: '{}' })).resolves.toBeUndefined()
})

test('nothing is sent in the clear over a network, nor to what is no receiver', async () => {
  for (const url of [
    'http://hooks.example.com/x',
    'file:///etc/passwd',
    'https//',
    'http://127.0.0.1.evil.example/',
  ])
    await expect(postJson({ url, headers: {}, body: '{}' })).rejects.toThrow('its address is not https')
})

test('a receiver that nobody answers at is a failure without its address', async () => {
  const failure = await postJson({ url: 'http://127.0.0.1:9/a-secret-path', headers: {}, body: '{}' }).catch(
    error => error,
  )
  expect(String(failure)).toContain('its receiver cannot be reached')
})

interface Mail {
  readonly to: readonly string[]
  readonly text: string
}

async function mailServer(options: ConstructorParameters<typeof SMTPServer>[0] = {}) {
  const mails: Mail[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.once('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address)
        mails.push({ to, text: Buffer.concat(parts).toString('utf8') })
        done()
      })
    },
    ...options,
  })
  opened.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  const target: Extract<NotificationTarget, { kind: 'email' }> = {
    kind: 'email',
    host: '127.0.0.1',
    port: portOf(server.server),
    tls: 'none',
    user: undefined,
    password: undefined,
    from: 'hoop@example.com',
    to: ['dba@example.com', 'grace@example.com'],
  }
  return { mails, target }
}

test('a mail goes to everyone on the list, who do not see each other, and no header can be put in', async () => {
  const { mails, target } = await mailServer()
  const review = aReview({
    requester: { issuer: 'i', subject: 's', name: 'ada\r\nBcc: eve@example.com', groups: [] },
    operation: { statement: 'SELECT 1;\r\n.\r\nQUIT' },
  })
  await sendEmail({ target, password: undefined, telling: aTelling({ review }) })
  expect(mails).toHaveLength(1)
  const [{ to, text } = { to: [], text: '' }] = mails
  expect(to).toEqual(['dba@example.com', 'grace@example.com'])
  expect(text).not.toMatch(/^Bcc:/im)
  expect(text).not.toContain('grace@example.com')
  expect(text).toContain('Message-ID: <n-1@hoop>')
  expect(text).toContain('hoop reviews show r-5555555555555555')
})

test('a mail server without STARTTLS gets nothing where TLS is demanded, and its words are not told', async () => {
  const { mails, target } = await mailServer()
  const sending = sendEmail({
    target: { ...target, tls: 'starttls' },
    password: undefined,
    telling: aTelling(),
  })
  const failure = await sending.catch(error => error)
  expect(String(failure)).toContain('the mail server did not take it')
  expect(String(failure)).not.toContain('127.0.0.1')
  expect(mails).toEqual([])
})

test('a user and a password are given to the server', async () => {
  const seen: unknown[] = []
  const { target } = await mailServer({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth(auth, _session, done) {
      seen.push([auth.username, auth.password])
      done(null, { user: 'hoop' })
    },
  })
  await sendEmail({ target: { ...target, user: 'hoop' }, password: 'secret', telling: aTelling() })
  expect(seen).toEqual([['hoop', 'secret']])
})
