import { describe, expect, test } from 'vitest'
import { ADA, errorOf, makeGateway, NO_GRANT, sessionFor, VERIFIER } from './gateway-fixture.js'

describe('bodies', () => {
  const grant = { connection: 'prod-db' }
  const session = { grant: NO_GRANT, verifier: VERIFIER }
  const cases: readonly (readonly [string, string, unknown, RegExp])[] = [
    ['nothing', '/v1/grants', '', /^Cannot read the body: it is not JSON$/],
    ['no JSON', '/v1/grants', '{"connection":', /^Cannot read the body: it is not JSON$/],
    ['a list', '/v1/grants', [grant], /^Cannot read the body: expected keys with values$/],
    ['null', '/v1/grants', 'null', /^Cannot read the body: expected keys with values$/],
    [
      'an unknown key',
      '/v1/grants',
      { ...grant, admin: true },
      /^Cannot read the body: "admin" is not known here$/,
    ],
    [
      'a prototype',
      '/v1/grants',
      '{"connection":"prod-db","__proto__":{"role":"writer"}}',
      /"__proto__" is not known here$/,
    ],
    ['a missing name', '/v1/grants', {}, /^Cannot read "connection": expected a text$/],
    ['a number for a name', '/v1/grants', { connection: 7 }, /^Cannot read "connection": expected a text$/],
    [
      'an empty name',
      '/v1/grants',
      { connection: '' },
      /^Cannot read "connection": expected 1 to 200 characters$/,
    ],
    [
      'a long name',
      '/v1/grants',
      { connection: 'x'.repeat(201) },
      /^Cannot read "connection": expected 1 to 200 characters$/,
    ],
    [
      'a text for seconds',
      '/v1/grants',
      { ...grant, durationSeconds: '60' },
      /^Cannot read "durationSeconds": expected whole seconds/,
    ],
    [
      'half a second',
      '/v1/grants',
      { ...grant, durationSeconds: 0.5 },
      /^Cannot read "durationSeconds": expected whole seconds/,
    ],
    [
      'no seconds',
      '/v1/grants',
      { ...grant, durationSeconds: 0 },
      /^Cannot read "durationSeconds": expected whole seconds/,
    ],
    [
      'a thousand years',
      '/v1/grants',
      { ...grant, durationSeconds: 31_536_000_000 },
      /^Cannot read "durationSeconds": expected whole seconds/,
    ],
    ['null for a role', '/v1/grants', { ...grant, role: null }, /^Cannot read "role": expected a text$/],
    ['a role that is none', '/v1/grants', { ...grant, role: 'A B' }, /^Cannot ask for role "A B": /],
    [
      'a long reason',
      '/v1/grants',
      { ...grant, reason: 'x'.repeat(4_001) },
      /^Cannot read "reason": expected at most 4000 characters$/,
    ],
    ['control characters', '/v1/grants', { ...grant, reason: 'a\u001b[2Jb' }, /control characters$/],
    [
      'no verifier',
      '/v1/sessions',
      { grant: NO_GRANT },
      /^Cannot read "verifier": expected keys with values$/,
    ],
    [
      'another verifier',
      '/v1/sessions',
      { ...session, verifier: { ...VERIFIER, kind: 'plain' } },
      /^Cannot read "verifier.kind": /,
    ],
    [
      'few iterations',
      '/v1/sessions',
      { ...session, verifier: { ...VERIFIER, iterations: 1 } },
      /verifier .* is out of form$/,
    ],
    [
      'a short salt',
      '/v1/sessions',
      { ...session, verifier: { ...VERIFIER, salt: 'AAAA' } },
      /verifier .* is out of form$/,
    ],
    [
      'a key that is none',
      '/v1/sessions',
      { ...session, verifier: { ...VERIFIER, storedKey: '*' } },
      /verifier .* is out of form$/,
    ],
    [
      'a key too many',
      '/v1/sessions',
      { ...session, verifier: { ...VERIFIER, secret: 'x' } },
      /^Cannot read "verifier": "secret" is not known here$/,
    ],
  ]
  test.each(cases)('%s: %s is a failed request with a reason', async (_, path, body, message) => {
    const gateway = await makeGateway()
    const response = await gateway.fetch('POST', path, { as: ADA, body })
    expect(response.status).toBe(400)
    const error = await errorOf(response)
    expect(error).toMatchObject({ code: 'usage', message: expect.stringMatching(message) })
    expect(error.message).not.toMatch(/\.$|[Ii]nvalid|please/)
    expect(await gateway.store.grants.listFor(ADA, 10)).toEqual([])
  })

  test('a secret at the place of a key is not repeated', async () => {
    const { fetch } = await makeGateway()
    const key = 's3cret'.repeat(20)
    const response = await fetch('POST', '/v1/grants', { as: ADA, body: { ...grant, [key]: 1 } })
    expect(await response.text()).not.toContain('s3cret')
  })

  test('an enrolment is checked like any other body', async () => {
    const { fetch } = await makeGateway()
    const response = await fetch('POST', '/v1/agents/enroll', { body: { name: 'eu', token: 't' } })
    expect([response.status, (await errorOf(response)).code]).toEqual([400, 'usage'])
  })
})

describe('limits', () => {
  test.each(['0', '-1', '501', '1.5', 'NaN', '', 'Infinity', '1e9'])(
    'a list of %s sessions is refused',
    async limit => {
      const { fetch } = await makeGateway()
      const response = await fetch('GET', `/v1/sessions?limit=${limit}`, { as: ADA })
      expect([response.status, (await errorOf(response)).code]).toEqual([400, 'usage'])
    },
  )

  test('a list is as long as it was asked to be', async () => {
    const gateway = await makeGateway()
    for (let count = 0; count < 3; count += 1) await sessionFor(gateway, ADA)
    expect(await (await gateway.fetch('GET', '/v1/sessions?limit=2', { as: ADA })).json()).toHaveLength(2)
  })

  test('sessions of a connection that cannot be a name are not all sessions', async () => {
    const gateway = await makeGateway()
    await sessionFor(gateway, ADA)
    const response = await gateway.fetch('GET', '/v1/sessions?connection=Prod%20DB', { as: ADA })
    expect([response.status, (await errorOf(response)).code]).toEqual([400, 'usage'])
  })

  test('a grant is not given for longer than its rule allows', async () => {
    const { fetch } = await makeGateway()
    const response = await fetch('POST', '/v1/grants', {
      as: ADA,
      body: { connection: 'prod-db', durationSeconds: 3601 },
    })
    expect([response.status, (await errorOf(response)).hint]).toEqual([403, '--for 1h'])
  })
})
