import { type Duplex, duplexPair } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { ControlMessage } from '../../src/domain/api.js'
import type { Principal } from '../../src/domain/principal.js'
import type { EndReason } from '../../src/domain/session.js'
import {
  ADA,
  ADDRESS,
  configText,
  type GatewayFixture,
  grantFor,
  makeGateway,
  VERIFIER,
} from './gateway-fixture.js'

const SECOND = 1_000

/** A session that is open, and what is needed to speak to it. */
async function openSession(gateway: GatewayFixture, as: Principal = ADA) {
  const grant = await grantFor(gateway, as)
  const opened = await gateway.sessions.open(as, { grant: grant.id, verifier: VERIFIER }, ADDRESS)
  const live = gateway.sessions.find(opened.id) ?? expect.unreachable()
  return { ...opened, grant: grant.id, live }
}

type Answer =
  | { readonly kind: 'accepted'; readonly stream: Duplex }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string }

/** Asks for a stream as the tunnel does; gives the client's end of it, or the refusal. */
function ask(gateway: GatewayFixture, path: string, authorization: string | undefined): Answer {
  const answers: Answer[] = []
  gateway.sessions.stream({
    path,
    headers: authorization === undefined ? {} : { authorization },
    address: ADDRESS,
    accept: () => {
      const [near, far] = duplexPair()
      // A pair does not say so by itself when one end is destroyed; a tunnel does.
      far.on('error', () => {}).once('close', () => near.destroy())
      answers.push({ kind: 'accepted', stream: far })
      return near
    },
    refuse: (status, body) => {
      const { error }: { error: { code: string } } = JSON.parse(JSON.stringify(body))
      answers.push({ kind: 'refused', status, code: error.code })
    },
  })
  expect(answers).toHaveLength(1)
  return answers[0] ?? expect.unreachable()
}

/** Opens a control stream; gives what it says and the means to close it. */
function hold(gateway: GatewayFixture, { id, token }: { readonly id: string; readonly token: string }) {
  const answer = ask(gateway, `/v1/sessions/${id}/control`, `Bearer ${token}`)
  if (answer.kind === 'refused') return expect.unreachable(`refused: ${answer.code}`)
  const messages: ControlMessage[] = []
  answer.stream.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.trim().split('\n')) messages.push(JSON.parse(line))
  })
  return { messages, close: () => answer.stream.destroy() }
}

/** Waits until the store has the end of a session, which comes after its recording is closed. */
async function untilEnded(gateway: GatewayFixture, id: string): Promise<EndReason | undefined> {
  const find = () => gateway.store.sessions.list({ limit: 10 }).then(all => all.find(one => one.id === id))
  await expect.poll(async () => (await find())?.endReason, { timeout: 5_000 }).toBeDefined()
  return (await find())?.endReason
}

describe('streams', () => {
  test('are opened by the token of their own session and by nothing else', async () => {
    const gateway = await makeGateway()
    const [one, other] = [await openSession(gateway), await openSession(gateway)]
    const { token: login } = await gateway.tokens.issue(ADA)
    const wrong = [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      `Bearer ${other.token}`,
      `Bearer ${login}`,
      `Bearer ${one.token.slice(0, -1)}`,
      `Bearer ${one.token}x`,
      `bearer ${one.token}`,
      `Bearer ${one.token} ${one.token}`,
    ]
    for (const path of ['stream', 'control']) {
      for (const authorization of wrong) {
        const answer = ask(gateway, `/v1/sessions/${one.id}/${path}`, authorization)
        expect([authorization, answer]).toEqual([
          authorization,
          { kind: 'refused', status: 404, code: 'session_ended' },
        ])
      }
      expect(ask(gateway, `/v1/sessions/${one.id}/${path}`, `Bearer ${one.token}`).kind).toBe('accepted')
    }
  })

  test('of a session that is not there, or not by that path, are refused in the same words', async () => {
    const gateway = await makeGateway()
    const { id, token } = await openSession(gateway)
    const paths = [
      '/v1/sessions/s-0000000000000000/stream',
      '/v1/sessions//stream',
      '/v1/sessions/__proto__/stream',
      `/v1/sessions/${id}`,
      `/v1/sessions/${id}/streams`,
      `/v1/sessions/${id}/stream/more`,
      `/v1/sessions/${id}/stream?x`,
      `/V1/sessions/${id}/stream`,
      '/',
    ]
    for (const path of paths) {
      expect([path, ask(gateway, path, `Bearer ${token}`)]).toEqual([
        path,
        { kind: 'refused', status: 404, code: 'session_ended' },
      ])
    }
  })

  test('are no more than the connection allows', async () => {
    const limits = '    limits: { client_connections_max: 2 }'
    const gateway = await makeGateway({ config: configText('', { connection: limits }) })
    const { id, token, live } = await openSession(gateway)
    // What has proved nothing gives way to what comes after; so the room is taken without a stream here.
    live.clientConnections = 2
    const answer = ask(gateway, `/v1/sessions/${id}/stream`, `Bearer ${token}`)
    expect(answer).toEqual({ kind: 'refused', status: 429, code: 'limit_exceeded' })
  })

  test('that hold a session are four at most', async () => {
    const gateway = await makeGateway()
    const session = await openSession(gateway)
    const held = [1, 2, 3, 4].map(() => hold(gateway, session))
    const more = () => ask(gateway, `/v1/sessions/${session.id}/control`, `Bearer ${session.token}`)
    expect(more()).toEqual({ kind: 'refused', status: 429, code: 'limit_exceeded' })
    held[0]?.close()
    await expect.poll(() => more().kind).toBe('accepted')
  })
})

describe('a session', () => {
  test('tells who holds it that it is held, and why it ended', async () => {
    const gateway = await makeGateway()
    const session = await openSession(gateway)
    const { messages } = hold(gateway, session)
    session.live.end('grant_revoked')
    session.live.end('fault')
    await expect
      .poll(() => messages)
      .toEqual([
        { kind: 'attached' },
        {
          kind: 'ended',
          reason: 'grant_revoked',
          message: 'The session on "prod-db" ended: the grant was revoked',
          hint: 'hoop connect prod-db',
        },
      ])
    expect(ask(gateway, `/v1/sessions/${session.id}/control`, `Bearer ${session.token}`).kind).toBe('refused')
    expect(() => session.live.credential.secrets).toThrow('the session has ended')
  })

  test('lives on for 15 s when nobody holds it, and then gives its grant back', async () => {
    const gateway = await makeGateway()
    const session = await openSession(gateway)
    const { close } = hold(gateway, session)
    gateway.clock.now += 60 * SECOND
    await sweepOnce(gateway)
    expect(session.live.endReason).toBeUndefined()
    close()
    await sweepOnce(gateway)
    gateway.clock.now += 14 * SECOND
    await sweepOnce(gateway)
    expect(session.live.endReason).toBeUndefined()
    gateway.clock.now += 2 * SECOND
    expect(await untilEnded(gateway, session.id)).toBe('client_lost')
    expect(await gateway.store.grants.listLive(gateway.deps.now(), 10)).toEqual([])
    expect(await gateway.audited()).toContain(`grant.revoked ${session.grant}`)
  })

  test('that nobody ever held ends the same way', async () => {
    const gateway = await makeGateway()
    const { id } = await openSession(gateway)
    gateway.clock.now += 16 * SECOND
    expect(await untilEnded(gateway, id)).toBe('client_lost')
  })

  test('that is held again in time goes on', async () => {
    const gateway = await makeGateway()
    const session = await openSession(gateway)
    hold(gateway, session).close()
    gateway.clock.now += 14 * SECOND
    await sweepOnce(gateway)
    hold(gateway, session)
    gateway.clock.now += 60 * SECOND
    await sweepOnce(gateway)
    expect(session.live.endReason).toBeUndefined()
  })

  test('ends with its grant, to within a second', async () => {
    const gateway = await makeGateway()
    const session = await openSession(gateway)
    hold(gateway, session)
    gateway.clock.now += 3_600 * SECOND - 1
    await sweepOnce(gateway)
    expect(session.live.endReason).toBeUndefined()
    gateway.clock.now += 1
    await expect.poll(() => session.live.endReason, { timeout: 1_000 }).toBe('grant_expired')
    expect(await untilEnded(gateway, session.id)).toBe('grant_expired')
  })

  test('ends with a revoked grant, and those of other grants go on', async () => {
    const gateway = await makeGateway()
    const [one, other] = [await openSession(gateway), await openSession(gateway)]
    await gateway.fetch('DELETE', `/v1/grants/${one.grant}`, { as: ADA })
    expect([one.live.endReason, other.live.endReason]).toEqual(['grant_revoked', undefined])
  })

  test('ends when a reload takes its right away', async () => {
    const gateway = await makeGateway()
    const session = await openSession(gateway)
    gateway.reload(configText())
    await sweepOnce(gateway)
    expect(session.live.endReason).toBeUndefined()
    gateway.reload(configText().replace('roles: [reader], for', 'roles: [nobody], for'))
    expect(await untilEnded(gateway, session.id)).toBe('access_removed')
  })

  test('ends when nothing happens in it for too long', async () => {
    const limits = '    limits: { idle_timeout: 10m }'
    const gateway = await makeGateway({ config: configText('', { connection: limits }) })
    const session = await openSession(gateway)
    hold(gateway, session)
    gateway.clock.now += 601 * SECOND
    expect(await untilEnded(gateway, session.id)).toBe('idle')
  })

  test('is not idle when something happens right after a time without sessions', async () => {
    const gateway = await makeGateway()
    gateway.clock.now += 86_400 * SECOND
    const { live } = await openSession(gateway)
    live.touch()
    await sweepOnce(gateway)
    expect(live.endReason).toBeUndefined()
  })

  test('takes its rules from the configuration in force', async () => {
    const gateway = await makeGateway()
    const { live } = await openSession(gateway)
    const rules = live.rules('postgres')
    const question = {
      facts: await gateway.facts.read('SELECT 1'),
      statements: [],
      text: 'SELECT 1',
      resolveTables: () => [],
    }
    expect(rules.decide(question).kind).toBe('allow')
    gateway.reload(configText('statements: [{ name: nothing-runs, when: "true", then: deny }]'))
    expect(rules.decide(question)).toMatchObject({ kind: 'deny', rule: 'nothing-runs' })
  })
})

describe('a grant', () => {
  test('that is over opens nothing', async () => {
    const gateway = await makeGateway()
    const { id: grant } = await grantFor(gateway, ADA)
    gateway.clock.now += 3_600 * SECOND
    const opening = gateway.sessions.open(ADA, { grant, verifier: VERIFIER }, ADDRESS)
    await expect(opening).rejects.toMatchObject({ code: 'grant_ended', hint: 'hoop connect prod-db' })
  })

  test('opens nothing for a token that has lost the group', async () => {
    const gateway = await makeGateway()
    const { id: grant } = await grantFor(gateway, ADA)
    const opening = gateway.sessions.open({ ...ADA, groups: [] }, { grant, verifier: VERIFIER }, ADDRESS)
    await expect(opening).rejects.toMatchObject({ code: 'forbidden' })
  })
})

test('a gateway that stops ends its sessions, closes their recordings and opens no more', async () => {
  const gateway = await makeGateway()
  const session = await openSession(gateway)
  const { messages } = hold(gateway, session)
  await gateway.sessions.drain()
  const [stored] = await gateway.store.sessions.list({ limit: 10 })
  expect(stored).toMatchObject({
    endReason: 'gateway_draining',
    head: expect.stringMatching(/^[\w-]{43}$/),
  })
  expect(messages.at(-1)).toMatchObject({ kind: 'ended', reason: 'gateway_draining' })
  const { id: grant } = await grantFor(gateway, ADA)
  const opening = gateway.sessions.open(ADA, { grant, verifier: VERIFIER }, ADDRESS)
  await expect(opening).rejects.toMatchObject({ code: 'gateway_unavailable' })
})

/** Waits until the sweep that runs by itself has looked at everything once more. */
async function sweepOnce(gateway: GatewayFixture): Promise<void> {
  const before = gateway.sweeps()
  await expect.poll(() => gateway.sweeps(), { interval: 20 }).toBeGreaterThan(before + 1)
}
