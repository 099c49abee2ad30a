import fc from 'fast-check'
import { expect } from 'vitest'
import { startClient } from '../../../../src/protocols/postgres/client-start.js'
import {
  authenticationOk,
  authenticationSasl,
  authenticationSaslContinue,
  authenticationSaslFinal,
  backendKeyData,
  gssEncryptionRequest,
  noticeResponse,
  parameterStatus,
  readyForQuery,
  saslInitialResponse,
  saslResponse,
  sslRequest,
  startupMessage,
} from '../../../../src/protocols/postgres/codec.js'
import { ScramClient } from '../../../../src/protocols/postgres/scram-client.js'
import { ScramServer } from '../../../../src/protocols/postgres/scram-server.js'
import { SmallFrameReader } from '../../../../src/protocols/postgres/small-frame-reader.js'
import { startTarget } from '../../../../src/protocols/postgres/target-start.js'
import { fixedBytes, LOOPBACK } from '../exchange.js'
import type { Said } from '../script.js'

const scram = () =>
  new ScramClient({ password: LOOPBACK.secret, nonce: 'n0', serverEndPoint: undefined, mechanisms: [] })
const GIANT = 'x'.repeat(60_000)

/** What a client says that signs in well: the answers of the gateway are the same in each run. */
export function clientStart(): readonly Said[] {
  const start = startClient({ verifier: LOOPBACK.verifier, randomBytes: fixedBytes() })
  const client = scram()
  const first = [
    startupMessage({ user: 'a', database: 'shop', options: '-c geqo=off' }, 2),
    saslInitialResponse('SCRAM-SHA-256', client.first),
  ]
  const reader = new SmallFrameReader()
  for (const bytes of first)
    for (const action of start.fromClient(bytes)) if (action.kind === 'toClient') reader.push(action.bytes)
  reader.takeMessage()
  const challenge = reader.takeMessage()
  const step = client.answer(challenge?.kind === 'frame' ? challenge.body.toString('latin1', 4) : '')
  const proof = saslResponse(step.kind === 'say' ? step.data : '')
  return [sslRequest(), gssEncryptionRequest(), ...first, proof].map(bytes => ['client', bytes] as const)
}

/** What a target says that lets the gateway in, in one of several ways. */
export const targetStart: fc.Arbitrary<readonly Said[]> = fc
  .constantFrom(
    // XP-3: nonces and signatures of any size.
    `r=${GIANT},s=AAAA,i=4096`,
    `r=n0,s=${GIANT},i=4096`,
    `r=n0,s=AAAA,i=${'9'.repeat(400)}`,
    `r=n0x,s=AAAA,i=1`,
    'e=other-error',
    new ScramServer(LOOPBACK.verifier, 'server').challenge('n,,n=,r=n0').kind,
  )
  .map(challenge =>
    [
      noticeResponse(new Map([['M', 'hello']])),
      authenticationSasl(['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256']),
      authenticationSaslContinue(challenge),
      authenticationSaslFinal(`v=${GIANT}`),
      authenticationOk(),
      parameterStatus('server_version', '15.1'),
      backendKeyData({ process: 7, secret: Buffer.alloc(4) }),
      readyForQuery('I'),
    ].map(bytes => ['target', bytes] as const),
  )

/** A start that a client spoils ends once, and only who proved the secret is started. */
export function checkClientStart(script: readonly Said[]): void {
  const start = startClient({ verifier: LOOPBACK.verifier, randomBytes: fixedBytes() })
  const ends: string[] = []
  for (const [, bytes] of script)
    for (const action of start.fromClient(Buffer.from(bytes))) {
      if (action.kind === 'toClient') expect(ends.filter(end => end !== 'started')).toEqual([])
      else ends.push(action.kind)
    }
  expect(ends.filter(end => end !== 'close').length).toBeLessThanOrEqual(1)
  if (ends[0] !== 'started') expect(ends.slice(1).every(end => end === 'close')).toBe(true)
  const proof = clientStart().at(-1)?.[1]
  if (ends.includes('started'))
    expect(Buffer.concat(script.map(([, bytes]) => bytes)).includes(proof ?? '')).toBe(true)
}

/** A start that a target spoils ends once, is never ready without its proof, and never shows the password. */
export function checkTargetStart(script: readonly Said[]): void {
  const start = startTarget({
    user: 'reader',
    password: LOOPBACK.secret,
    database: 'shop',
    tls: 'disable',
    settings: {},
    randomBytes: fixedBytes(),
  })
  start.begin()
  const ends: string[] = []
  let said = 0
  for (const [, bytes] of script)
    for (const action of start.fromTarget(Buffer.from(bytes))) {
      expect(ends).toEqual([])
      if (action.kind === 'toTarget') {
        said += 1
        expect(action.bytes.includes(LOOPBACK.secret)).toBe(false)
      } else ends.push(action.kind)
    }
  // This target knows no password: whoever was asked for SCRAM got no proof.
  if (ends.includes('ready')) expect(said).toBe(0)
}
