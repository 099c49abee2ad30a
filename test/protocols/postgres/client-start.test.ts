import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { startClient } from '../../../src/protocols/postgres/client-start.js'
import * as codec from '../../../src/protocols/postgres/codec.js'
import { ScramClient } from '../../../src/protocols/postgres/scram-client.js'
import { SmallFrameReader } from '../../../src/protocols/postgres/small-frame-reader.js'
import type { ClientStart, ClientStartAction } from '../../../src/protocols/protocol.js'
import { cuts, fixedBytes, LOOPBACK, readMessages } from './exchange.js'

const STARTUP = codec.startupMessage({ user: 'anyone', database: 'shop' })

function open(): ClientStart {
  return startClient({ verifier: LOOPBACK.verifier, randomBytes: fixedBytes() })
}

/** Actions as short texts; what goes to the client as messages. */
function tell(actions: readonly ClientStartAction[]): string[] {
  return actions.flatMap(action => {
    if (action.kind === 'toClient')
      return action.bytes.length === 1 ? [action.bytes.toString()] : readMessages(action.bytes)
    if (action.kind === 'close') return [`close ${action.reason}`]
    return [action.kind]
  })
}

function check(bytes: Buffer, ...expected: readonly (string | RegExp)[]): void {
  const told = tell(open().fromClient(bytes))
  expect(told).toEqual(expected.map(one => (typeof one === 'string' ? one : expect.stringMatching(one))))
}

/** Signs in with a secret; gives everything that was said after the StartupMessage, and the bytes of the client. */
function signIn(
  start: ClientStart,
  secret: string,
  startup = STARTUP,
): { actions: ClientStartAction[]; sent: Buffer[] } {
  const scram = new ScramClient({ password: secret, nonce: 'n0', serverEndPoint: undefined, mechanisms: [] })
  const sent = [startup, codec.saslInitialResponse('SCRAM-SHA-256', scram.first)]
  const actions = sent.flatMap(bytes => [...start.fromClient(bytes)])
  const last = actions.at(-1)
  const reader = new SmallFrameReader()
  if (last?.kind === 'toClient') reader.push(last.bytes)
  const frame = reader.takeMessage()
  const step = scram.answer(frame?.kind === 'frame' ? frame.body.toString('latin1', 4) : '')
  const final = codec.saslResponse(step.kind === 'say' ? step.data : '')
  return { actions: [...actions, ...start.fromClient(final)], sent: [...sent, final] }
}

const OFFER = 'R:|||\nSCRAM-SHA-256||'

describe('requests in the place of a StartupMessage', () => {
  test('encryption is declined once of each kind, and the start goes on', () => {
    const start = open()
    expect(tell(start.fromClient(codec.gssEncryptionRequest()))).toEqual(['N'])
    expect(tell(start.fromClient(codec.sslRequest()))).toEqual(['N'])
    expect(tell(start.fromClient(STARTUP))).toEqual([OFFER])
  })

  test('encryption asked for twice ends the connection', () => {
    const start = open()
    start.fromClient(codec.sslRequest())
    expect(tell(start.fromClient(codec.sslRequest()))).toEqual(['close protocol_violation'])
  })

  test('a byte behind a request for encryption is not read as plain text', () => {
    check(Buffer.concat([codec.sslRequest(), STARTUP]), 'close protocol_violation')
    check(Buffer.concat([codec.gssEncryptionRequest(), Buffer.from([0])]), 'close protocol_violation')
  })

  test('TLS without a request is named as what it is', () => {
    const [action] = open().fromClient(Buffer.from([0x16]))
    expect(action).toEqual({
      kind: 'close',
      reason: 'refused_start',
      message: expect.stringContaining('sslmode=disable'),
    })
  })

  test.each([4, 32, 256])('a cancel request is taken with a secret of %i bytes', bytes => {
    const key = { process: 4294967295, secret: Buffer.alloc(bytes, 7) }
    expect(open().fromClient(codec.cancelRequestMessage(key))).toEqual([{ kind: 'cancel', key }])
  })

  test.each([0, 3, 257])('a cancel request is not taken with a secret of %i bytes', bytes => {
    check(codec.cancelRequestMessage({ process: 1, secret: Buffer.alloc(bytes) }), 'close protocol_violation')
  })
})

describe('a StartupMessage', () => {
  test('of version 3.0 is answered by the one mechanism', () => check(STARTUP, OFFER))

  test.each([0, 1, 2])('of version 3.%i is taken as it is, as by PostgreSQL 18', minor =>
    check(codec.startupMessage({ user: 'a' }, minor), OFFER),
  )

  test.each([3, 9999, 65535])('of version 3.%i is negotiated down to 3.2', minor =>
    check(codec.startupMessage({ user: 'a' }, minor), 'v:|\x03|\x02||||', OFFER),
  )

  test('with extensions is told which are unknown, and never of a newer version than it asked for', () => {
    const asked = { '_pq_.x': '1', user: 'a', '_pq_.command': '2' }
    const options = '|||\x02_pq_.x|_pq_.command|'
    check(codec.startupMessage(asked, 0), `v:|\x03||${options}`, OFFER)
    check(codec.startupMessage(asked, 1), `v:|\x03|\x01${options}`, OFFER)
    check(codec.startupMessage(asked, 3), `v:|\x03|\x02${options}`, OFFER)
  })

  test.each([
    [0, 4],
    [1, 4],
    [2, 32],
    [3, 32],
  ])('of version 3.%i gets a cancel key with a secret of %i bytes', (minor, cancelSecretBytes) => {
    const { actions } = signIn(open(), LOOPBACK.secret, codec.startupMessage({ user: 'a' }, minor))
    expect(actions.at(-1)).toMatchObject({ kind: 'started', start: { cancelSecretBytes } })
  })

  test('of another version is refused with what is spoken', () => {
    const packet = (hex: string) => Buffer.from(hex, 'hex')
    check(packet('0000000800020000'), /C0A000\|Mprotocol 2\.0 is not spoken here/, 'close refused_start')
    check(packet('0000000800040000'), /C0A000/, 'close refused_start')
    check(packet('0000000804d21631'), /C0A000/, 'close refused_start')
  })

  test.each([
    ['no terminator', '0000000a00030000 6100'],
    ['a name without a value', '0000000b00030000 610000'],
    ['bytes behind the terminator', '0000000e00030000 61006200 0001'],
    ['text that is not UTF-8', '0000000d00030000 6100ff0000'],
    ['nothing at all', '0000000800030000'],
  ])('with %s is refused', (_, hex) => {
    check(Buffer.from(hex.replaceAll(' ', ''), 'hex'), /C08P01/, 'close refused_start')
  })

  test('with a length out of range gets no answer', () => {
    check(Buffer.from('00000003', 'hex'), 'close protocol_violation')
    check(Buffer.from('7fffffff', 'hex'), 'close protocol_violation')
    check(Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'close protocol_violation')
    check(Buffer.from('0000000400030000', 'hex'), 'close protocol_violation')
  })
})

describe('the sign-in', () => {
  test('with the secret of the session starts it, whoever the client says it is', () => {
    const startup = codec.startupMessage({
      user: '',
      database: 'shop',
      application_name: 'psql\n',
      DateStyle: 'ISO',
    })
    const { actions } = signIn(open(), LOOPBACK.secret, startup)
    expect(actions.at(-1)).toEqual({
      kind: 'started',
      start: {
        database: 'shop',
        application: 'psql?',
        cancelSecretBytes: 4,
        settings: {
          application_name: 'psql\n',
          datestyle: 'ISO',
          client_encoding: 'UTF8',
          standard_conforming_strings: 'on',
        },
      },
    })
    expect(tell(actions).at(-2)).toMatch(/^R:\|\|\|\fv=/)
  })

  test('with another secret is refused with a hint', () => {
    const told = tell(signIn(open(), 'another').actions)
    expect(told.slice(-2)).toEqual([
      expect.stringMatching(
        /SFATAL\|VFATAL\|C28P01\|Mpassword authentication failed\|Hthis port belongs to one hoop session/,
      ),
      'close refused_start',
    ])
  })

  test('is the same wherever the bytes of the client are cut', () => {
    const { actions, sent } = signIn(open(), LOOPBACK.secret)
    for (const at of sent.keys()) {
      for (const chunks of cuts(sent[at] ?? Buffer.alloc(0))) {
        const start = open()
        const pieces = [...sent.slice(0, at), ...chunks, ...sent.slice(at + 1)]
        expect(pieces.flatMap(bytes => [...start.fromClient(bytes)])).toEqual(actions)
      }
    }
  })

  test('takes no message out of its phase', () => {
    const wrong = [
      codec.query('SELECT 1'),
      codec.parse({ text: 'x' }),
      codec.sync(),
      codec.saslResponse('x'),
      codec.passwordMessage('x'),
    ]
    for (const bytes of wrong) {
      const start = open()
      start.fromClient(STARTUP)
      expect(tell(start.fromClient(bytes)).at(-1)).toBe('close protocol_violation')
      expect(tell(start.fromClient(STARTUP))).toEqual(['close protocol_violation'])
    }
  })

  test('takes nothing after it is over', () => {
    const start = open()
    signIn(start, LOOPBACK.secret)
    expect(tell(start.fromClient(codec.saslResponse('x')))).toEqual(['close protocol_violation'])
    const early = open()
    expect(tell(early.fromClient(Buffer.concat([STARTUP, codec.query('SELECT 1')]))).at(-1)).toBe(
      'close protocol_violation',
    )
  })

  test('does not take a mechanism that is not on offer', () => {
    for (const mechanism of ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1', '']) {
      const start = open()
      start.fromClient(STARTUP)
      const told = tell(start.fromClient(codec.saslInitialResponse(mechanism, 'n,,n=,r=abc')))
      expect(told.at(-1)).toBe('close protocol_violation')
    }
  })
})

describe('noise', () => {
  const startsNobody = (chunks: readonly Buffer[]): void => {
    const start = open()
    const actions = chunks.flatMap(chunk => [...start.fromClient(chunk)])
    expect(actions.some(action => action.kind === 'started')).toBe(false)
  }

  test('starts nobody', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), chunks =>
        startsNobody(chunks.map(one => Buffer.from(one))),
      ),
    )
  })

  test('in well-made packets starts nobody', () => {
    const frame = fc.oneof(
      fc
        .uint8Array({ maxLength: 40 })
        .map(body => Buffer.concat([Buffer.from([0, 0, 0, 8 + body.length, 0, 3, 0, 0]), body])),
      fc.dictionary(fc.string(), fc.string()).map(parameters => codec.startupMessage(parameters)),
      fc.string().map(text => codec.saslInitialResponse('SCRAM-SHA-256', `n,,n=,r=${text}`)),
      fc.string().map(text => codec.saslResponse(`c=biws,r=${text},p=${text}`)),
      fc
        .tuple(fc.constantFrom(...'pQPBESX'), fc.uint8Array({ maxLength: 40 }))
        .map(([tag, body]) => codec.writeMessage(tag, Buffer.from(body))),
    )
    fc.assert(fc.property(fc.array(frame, { maxLength: 8 }), frames => startsNobody([STARTUP, ...frames])))
    fc.assert(fc.property(fc.array(frame, { maxLength: 8 }), startsNobody))
  })
})
