import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as codec from '../../../src/protocols/postgres/codec.js'
import { SmallFrameReader } from '../../../src/protocols/postgres/small-frame-reader.js'
import { cuts, readMessages } from './exchange.js'

function checkBytes(written: Buffer, hex: string): void {
  expect(written.toString('hex')).toBe(hex.replaceAll(' ', ''))
}

describe('messages are written as the protocol has them', () => {
  test('those of a server', () => {
    checkBytes(codec.authenticationOk(), '52 00000008 00000000')
    checkBytes(codec.authenticationSasl(['A', 'B']), '52 0000000d 0000000a 4100 4200 00')
    checkBytes(codec.authenticationMd5Password(Buffer.from([1, 2, 3, 4])), '52 0000000c 00000005 01020304')
    checkBytes(codec.parameterStatus('a', 'b'), '53 00000008 6100 6200')
    checkBytes(
      codec.backendKeyData({ process: 0xffffffff, secret: Buffer.from([1, 2, 3, 4]) }),
      '4b 0000000c ffffffff 01020304',
    )
    checkBytes(codec.readyForQuery('T'), '5a 00000005 54')
    checkBytes(codec.negotiateProtocolVersion(0, ['_pq_.x']), '76 00000013 00030000 00000001 5f70715f2e7800')
    checkBytes(codec.errorResponse(new Map([['C', '42501']])), '45 0000000c 43 343235303100 00')
  })

  test('those of a client', () => {
    checkBytes(codec.startupMessage({ user: 'u' }), '00000010 00030000 7573657200 7500 00')
    checkBytes(codec.sslRequest(), '00000008 04d2162f')
    checkBytes(codec.gssEncryptionRequest(), '00000008 04d21630')
    checkBytes(
      codec.cancelRequestMessage({ process: 1, secret: Buffer.from([0, 0, 0, 2]) }),
      '00000010 04d2162e 00000001 00000002',
    )
    checkBytes(codec.saslInitialResponse('M', 'ab'), '70 0000000c 4d00 00000002 6162')
    checkBytes(codec.query(''), '51 00000005 00')
    checkBytes(codec.parse({ text: 'x', parameterTypes: [23] }), '50 0000000d 00 7800 0001 00000017')
    checkBytes(
      codec.bind({ values: [null, Buffer.from('v')], resultFormats: [1] }),
      '42 00000017 00 00 0000 0002 ffffffff 00000001 76 0001 0001',
    )
    checkBytes(codec.execute('', 5), '45 00000009 00 00000005')
    checkBytes(codec.describe('portal', 'p'), '44 00000007 50 7000')
    checkBytes(codec.close('statement'), '43 00000006 53 00')
    checkBytes(
      Buffer.concat([codec.sync(), codec.flush(), codec.terminate()]),
      '53 00000004 48 00000004 58 00000004',
    )
  })
})

test('a NUL in a value cannot end its field and begin another', () => {
  const written = codec.errorResponse(new Map([['M', 'one\0Ctwo']]))
  expect(readMessages(written)).toEqual(['E:MoneCtwo||'])
})

test('error fields are read as they were written', () => {
  const fields = fc.dictionary(
    fc.constantFrom('S', 'V', 'C', 'M', 'D', 'H', 'P', 'q', 'W'),
    fc.string({ unit: 'grapheme' }).map(text => text.replaceAll('\0', '')),
  )
  fc.assert(
    fc.property(fields, given => {
      const map = new Map(Object.entries(given))
      expect(codec.readErrorFields(codec.writeErrorFields(map))).toEqual(map)
    }),
  )
})

test('error fields of any bytes are read without a throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => void codec.readErrorFields(Buffer.from(bytes))),
  )
})

describe('the reader of small messages', () => {
  const stream = Buffer.concat([codec.query('SELECT 1'), codec.sync(), codec.query('x'.repeat(3000))])

  test('gives the same messages wherever the stream is cut', () => {
    const whole = readMessages(stream)
    for (const chunks of cuts(stream)) {
      const reader = new SmallFrameReader()
      const found: string[] = []
      for (const chunk of chunks) {
        reader.push(chunk)
        for (let frame = reader.takeMessage(); frame !== undefined; frame = reader.takeMessage()) {
          if (frame.kind === 'frame')
            found.push(`${frame.tag}:${frame.body.toString('latin1').replaceAll('\0', '|')}`)
        }
      }
      expect(found).toEqual(whole)
      expect(reader.buffered).toBe(0)
    }
  })

  test('gives bodies that later bytes do not change', () => {
    const reader = new SmallFrameReader()
    const chunk = Buffer.from(codec.query('first'))
    reader.push(chunk)
    const frame = reader.takeMessage()
    chunk.fill(0)
    reader.push(codec.query('other'))
    expect(frame).toMatchObject({ kind: 'frame', body: Buffer.from('first\0') })
  })

  test.each(['51 00000003', '51 00000000', '51 7fffffff', '51 ffffffff', '51 00010001'])(
    'refuses the length in %s before it holds anything of that size',
    hex => {
      const reader = new SmallFrameReader()
      reader.push(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
      expect(reader.takeMessage()).toMatchObject({ kind: 'fault' })
      reader.push(codec.sync())
      expect(reader.takeMessage()).toMatchObject({ kind: 'fault' })
    },
  )

  test('refuses a start-up packet above ten thousand bytes', () => {
    const reader = new SmallFrameReader()
    reader.push(Buffer.from('00002711', 'hex'))
    expect(reader.takeStartPacket()).toMatchObject({ kind: 'fault' })
  })

  test('takes any bytes without a throw, and never gives more than came', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), chunks => {
        const reader = new SmallFrameReader()
        let came = 0
        let given = 0
        for (const chunk of chunks) {
          reader.push(Buffer.from(chunk))
          came += chunk.length
          for (let frame = reader.takeMessage(); frame?.kind === 'frame'; frame = reader.takeMessage()) {
            given += 5 + frame.body.length
          }
        }
        expect(given).toBeLessThanOrEqual(came)
      }),
    )
  })
})
