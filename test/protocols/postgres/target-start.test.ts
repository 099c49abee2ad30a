import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as codec from '../../../src/protocols/postgres/codec.js'
import { ScramServer } from '../../../src/protocols/postgres/scram-server.js'
import { SmallFrameReader } from '../../../src/protocols/postgres/small-frame-reader.js'
import { startTarget } from '../../../src/protocols/postgres/target-start.js'
import type { TargetStart, TargetStartAction, TargetStartOptions } from '../../../src/protocols/protocol.js'
import { cuts, fixedBytes, LOOPBACK, readMessages } from './exchange.js'

const OPTIONS: TargetStartOptions = {
  user: 'reader',
  password: LOOPBACK.secret,
  database: 'shop',
  tls: 'disable',
  settings: { application_name: 'psql' },
  randomBytes: fixedBytes(),
}
const KEY = { process: 7, secret: Buffer.from([1, 2, 3, 4]) }
const SET_UP = Buffer.concat([
  codec.parameterStatus('server_version', '15.1'),
  codec.backendKeyData(KEY),
  codec.readyForQuery('I'),
])
const SASL = codec.authenticationSasl(['SCRAM-SHA-256'])

function open(options: Partial<TargetStartOptions> = {}): TargetStart {
  const start = startTarget({ ...OPTIONS, ...options })
  start.begin()
  return start
}

function tell(actions: readonly TargetStartAction[]): string[] {
  return actions.flatMap(action => {
    if (action.kind === 'toTarget') return readMessages(action.bytes)
    return action.kind === 'failed' ? [`${action.reason}: ${action.message}`] : [action.kind]
  })
}

/** What a start says to bytes of a target, after `before`. */
function check(start: TargetStart, said: readonly Buffer[], expected: readonly string[]): void {
  const actions = said.flatMap(bytes => [...start.fromTarget(bytes)])
  expect(tell(actions)).toEqual(expected)
}

/** Plays a target that knows the password; gives what it says in each step. */
function signIn(
  start: TargetStart,
  tamper = (bytes: Buffer) => bytes,
): { said: Buffer[]; actions: TargetStartAction[] } {
  const server = new ScramServer(LOOPBACK.verifier, 'server-nonce')
  const said: Buffer[] = []
  const actions: TargetStartAction[] = []
  const say = (bytes: Buffer): string => {
    said.push(bytes)
    const answers = start.fromTarget(bytes)
    actions.push(...answers)
    const reader = new SmallFrameReader()
    for (const answer of answers) if (answer.kind === 'toTarget') reader.push(answer.bytes)
    const frame = reader.takeMessage()
    return frame?.kind === 'frame' ? frame.body.toString('latin1') : ''
  }
  const first = say(SASL)
  const challenge = server.challenge(first.slice(first.indexOf('\0') + 5))
  const final = server.verify(
    say(codec.authenticationSaslContinue(challenge.kind === 'continue' ? challenge.data : '')),
  )
  say(tamper(codec.authenticationSaslFinal(final.kind === 'accepted' ? final.data : '')))
  say(codec.authenticationOk())
  say(SET_UP)
  return { said, actions }
}

describe('the start of a target', () => {
  test('begins with the user, the database and the settings, and nothing else', () => {
    const settings = { application_name: 'psql', user: 'postgres', database: 'other' }
    expect(startTarget({ ...OPTIONS, settings }).begin()).toEqual([
      {
        kind: 'toTarget',
        bytes: codec.startupMessage({ application_name: 'psql', user: 'reader', database: 'shop' }),
      },
    ])
  })

  test('is ready with what the target said', () => {
    const ready = {
      settings: new Map([['server_version', '15.1']]),
      cancelKey: KEY,
      notices: Buffer.alloc(0),
    }
    expect(signIn(open()).actions.at(-1)).toEqual({ kind: 'ready', ready })
  })

  test('is the same wherever the bytes of the target are cut', () => {
    const { said, actions } = signIn(open({ randomBytes: fixedBytes() }))
    for (const at of said.keys()) {
      for (const chunks of cuts(said[at] ?? Buffer.alloc(0))) {
        const start = open({ randomBytes: fixedBytes() })
        const pieces = [...said.slice(0, at), ...chunks, ...said.slice(at + 1)]
        expect(pieces.flatMap(bytes => [...start.fromTarget(bytes)])).toEqual(actions)
      }
    }
  })

  test('keeps notices, and what follows the first ReadyForQuery at once', () => {
    const notice = codec.noticeResponse(new Map([['M', 'hello']]))
    const late = codec.parameterStatus('TimeZone', 'UTC')
    const start = open()
    const actions = start.fromTarget(
      Buffer.concat([codec.authenticationOk(), SET_UP, notice, late.subarray(0, 6)]),
    )
    expect(actions).toEqual([])
    const [action] = start.fromTarget(late.subarray(6))
    expect(action).toMatchObject({ kind: 'ready', ready: { notices: notice } })
    expect(action?.kind === 'ready' && action.ready.settings.get('TimeZone')).toBe('UTC')
  })
})

describe('TLS', () => {
  const secure = () => open({ tls: 'require' })

  test('is asked for first, and the start-up packet waits for it', () => {
    const start = startTarget({ ...OPTIONS, tls: 'require' })
    expect(start.begin()).toEqual([{ kind: 'toTarget', bytes: codec.sslRequest() }])
    expect(start.fromTarget(Buffer.from('S'))).toEqual([{ kind: 'tls' }])
    expect(start.secured()).toMatchObject([{ kind: 'toTarget' }])
  })

  test('is begun at once where it is told to, and nothing is taken before it', () => {
    const start = startTarget({ ...OPTIONS, tls: 'direct' })
    expect(start.begin()).toEqual([{ kind: 'tls' }])
    expect(start.secured()).toMatchObject([{ kind: 'toTarget' }])
    check(open({ tls: 'direct' }), [SASL], ['target_unavailable: it spoke out of turn'])
  })

  test('that is not offered ends the start', () =>
    check(secure(), [Buffer.from('N')], ['target_refused: it does not offer TLS']))

  test('that is answered by an error ends the start without the text of anyone', () => {
    const error = codec.errorResponse(new Map([['M', 'spoofed']]))
    check(secure(), [error], ['target_refused: it answered the request for TLS with an error'])
  })

  test('is not begun with bytes already behind the consent', () => {
    const expected = ['target_unavailable: it sent bytes between its consent to TLS and the handshake']
    check(secure(), [Buffer.concat([Buffer.from('S'), SASL])], expected)
    check(secure(), [Buffer.from('SE')], expected)
    check(secure(), [Buffer.from('S'), SASL], ['tls', 'target_unavailable: it spoke out of turn'])
  })

  test('cannot be said to be done when it was not asked for', () => {
    expect(tell(open().secured())).toEqual(['target_unavailable: TLS began out of turn'])
  })
})

describe('authentication', () => {
  test('in clear text is given under TLS only', () => {
    const start = open({ tls: 'require' })
    start.fromTarget(Buffer.from('S'))
    start.secured()
    check(start, [codec.authenticationCleartextPassword()], [`p:${LOOPBACK.secret}|`])
    const refusal = 'target_refused: it asks for the password in clear text, without TLS'
    check(open(), [codec.authenticationCleartextPassword()], [refusal])
  })

  test('by MD5 is given, and once', () => {
    const md5 = codec.authenticationMd5Password(Buffer.from([1, 2, 3, 4]))
    const [first, second] = tell([...open().fromTarget(Buffer.concat([md5, md5]))])
    expect(first).toMatch(/^p:md5[0-9a-f]{32}\|$/)
    expect(second).toBe('target_refused: its requests for authentication are out of order')
  })

  test.each([2, 4, 6, 7, 8, 9, 99])('of kind %i is not spoken', kind => {
    const body = Buffer.alloc(4)
    body.writeUInt32BE(kind)
    expect(tell(open().fromTarget(codec.writeMessage('R', body)))).toEqual([
      expect.stringContaining(`it asks for authentication of kind ${kind}`),
    ])
  })

  test('by a target that does not know the password itself is not believed', () => {
    const { actions } = signIn(open(), () =>
      codec.authenticationSaslFinal(`v=${Buffer.alloc(32).toString('base64')}`),
    )
    expect(tell(actions).at(-1)).toBe('target_refused: it does not know the password of the role itself')
  })

  test('that is declared over in the middle of SCRAM is not believed', () => {
    const reason = 'target_unavailable: it ended SCRAM half-way, without proving itself'
    expect(tell(open().fromTarget(Buffer.concat([SASL, codec.authenticationOk()]))).at(-1)).toBe(reason)
  })

  test('by mechanisms that are not SCRAM-SHA-256 is refused', () => {
    check(
      open(),
      [codec.authenticationSasl(['SCRAM-SHA-1', 'OAUTHBEARER'])],
      ['target_refused: it offers no SCRAM-SHA-256'],
    )
    check(open(), [codec.authenticationSasl([])], ['target_refused: it offers no SCRAM-SHA-256'])
  })

  test('remembers derived keys under a digest', () => {
    const keys = new Map<string, Buffer>()
    const derivedKeys = {
      recall: (digest: string) => keys.get(digest),
      keep: (digest: string, key: Buffer) => void keys.set(digest, key),
    }
    signIn(open({ derivedKeys }))
    expect(keys.size).toBe(1)
    expect([...keys.keys()].join()).not.toContain(LOOPBACK.secret)
    expect(signIn(open({ derivedKeys })).actions.at(-1)).toMatchObject({ kind: 'ready' })
    for (const [digest] of keys) keys.set(digest, Buffer.alloc(32))
    expect(() => signIn(open({ derivedKeys }))).not.toThrow()
    expect(signIn(open({ derivedKeys })).actions.at(-1)).toMatchObject({ kind: 'failed' })
  })
})

describe('a hostile target', () => {
  const ok = codec.authenticationOk()
  const fails = (said: readonly Buffer[], reason: string): void => {
    const start = open()
    const told = tell(said.flatMap(bytes => [...start.fromTarget(bytes)]))
    expect(told.at(-1)).toContain(reason)
    expect(start.fromTarget(ok)).toEqual([])
  }

  test.each([
    ['a query answered before one was asked', [ok, codec.writeMessage('D')], 'out of turn'],
    ['ready before the sign-in', [codec.readyForQuery('I')], 'out of turn'],
    ['settings before the sign-in', [codec.parameterStatus('a', 'b')], 'out of turn'],
    ['a negotiation that nobody began', [codec.negotiateProtocolVersion(0, [])], 'out of turn'],
    ['a second sign-in', [ok, SASL], 'out of turn'],
    [
      'a second key',
      [ok, codec.backendKeyData(KEY), codec.backendKeyData(KEY)],
      'BackendKeyData is malformed',
    ],
    [
      'a key without a secret',
      [ok, codec.backendKeyData({ process: 1, secret: Buffer.alloc(0) })],
      'BackendKeyData is malformed',
    ],
    [
      'a key of a version that was not asked for',
      [ok, codec.backendKeyData({ process: 1, secret: Buffer.alloc(32) })],
      'BackendKeyData is malformed',
    ],
    ['a transaction that nobody began', [ok, codec.readyForQuery('T')], 'in a transaction'],
    [
      'a setting that is cut short',
      [ok, codec.writeMessage('S', Buffer.from('a'))],
      'ParameterStatus is malformed',
    ],
    ['a message of a gigabyte', [ok, Buffer.from('5340000000', 'hex')], 'out of range'],
    ['a message of no length', [ok, Buffer.from('5300000000', 'hex')], 'out of range'],
    [
      'settings without end',
      [ok, ...Array.from({ length: 129 }, (_, at) => codec.parameterStatus(`s${at}`, ''))],
      'too many settings',
    ],
    [
      'notices without end',
      Array.from({ length: 70 }, () => codec.noticeResponse(new Map([['M', 'x'.repeat(1000)]]))),
      'too many notices',
    ],
    [
      'messages without end',
      [ok, ...Array.from({ length: 1100 }, () => codec.parameterStatus('s', ''))],
      'too many messages',
    ],
  ])('is refused %s', (_, said, reason) => fails(said, reason))

  test('is quoted without the credential, in one line, cut', () => {
    const said = `no entry for ${LOOPBACK.secret}\n\u001b[31m${'x'.repeat(1000)}`
    const [told = ''] = tell(
      open().fromTarget(
        codec.errorResponse(
          new Map([
            ['C', '28000'],
            ['M', said],
          ]),
        ),
      ),
    )
    expect(told).toMatch(/^target_refused: it said: no entry for \*\*\* \[31mx+ \(SQLSTATE 28000\)$/)
    expect(told.length).toBeLessThan(400)
  })

  test('does not make the start throw or ready by noise', () => {
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes)),
      fc
        .tuple(fc.constantFrom(...'RSKNEv'), fc.uint8Array({ maxLength: 40 }))
        .map(([tag, body]) => codec.writeMessage(tag, Buffer.from(body))),
      fc.string().map(text => codec.authenticationSaslContinue(`r=${text},s=AAAA,i=1`)),
      fc.string().map(text => codec.authenticationSaslFinal(`v=${text}`)),
      fc.constantFrom(SASL, ok),
    )
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 10 }), frames => {
        const start = open()
        const actions = [SASL, ...frames, SET_UP].flatMap(bytes => [...start.fromTarget(bytes)])
        expect(actions.some(action => action.kind === 'ready')).toBe(false)
      }),
    )
  })
})
