import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LoopbackVerifier } from '../../../src/domain/session.js'
import { md5Password } from '../../../src/protocols/postgres/md5.js'
import { saltPassword, scramKeys } from '../../../src/protocols/postgres/scram.js'
import { ScramClient } from '../../../src/protocols/postgres/scram-client.js'
import { ScramServer } from '../../../src/protocols/postgres/scram-server.js'

const SALT = 'W22ZaJ0SNY7soEsUEjb6gQ=='

function verifierOf(password: string, iterations = 4096): LoopbackVerifier {
  const { storedKey, serverKey } = scramKeys(saltPassword(password, Buffer.from(SALT, 'base64'), iterations))
  return {
    kind: 'scram-sha-256',
    salt: SALT,
    iterations,
    storedKey: storedKey.toString('base64'),
    serverKey: serverKey.toString('base64'),
  }
}

function clientOf(password: string, serverEndPoint?: Buffer, mechanisms = ['SCRAM-SHA-256']): ScramClient {
  return new ScramClient({ password, nonce: 'client-nonce', serverEndPoint, mechanisms })
}

const PENCIL = verifierOf('pencil')
const NONCE = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
const FIRST = 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO'
const FINAL = `c=biws,r=${NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`

function serve(first: string, final: string, verifier = PENCIL): string {
  const server = new ScramServer(verifier, '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0')
  const challenge = server.challenge(first)
  return challenge.kind === 'continue' ? server.verify(final).kind : challenge.kind
}

describe('the server', () => {
  test('answers the example of RFC 7677, section 3', () => {
    const server = new ScramServer(PENCIL, '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0')
    expect(server.challenge(FIRST)).toEqual({ kind: 'continue', data: `r=${NONCE},s=${SALT},i=4096` })
    expect(server.verify(FINAL)).toEqual({
      kind: 'accepted',
      data: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    })
    expect(server.verify(FINAL).kind).toBe('fault')
  })

  test.each([
    ['another password', FIRST, FINAL, 'rejected', verifierOf('pen')],
    ['a verifier that is not one', FIRST, FINAL, 'rejected', { ...PENCIL, storedKey: '' }],
    ['channel binding', 'p=tls-server-end-point,,n=user,r=a', FINAL, 'fault', PENCIL],
    ['acting for another', 'n,a=admin,n=user,r=a', FINAL, 'fault', PENCIL],
    ['a mandatory extension', 'n,,m=1,n=user,r=a', FINAL, 'fault', PENCIL],
    ['no nonce', 'n,,n=user,r=', FINAL, 'fault', PENCIL],
    ['a nonce of spaces', 'n,,n=user,r=a b', FINAL, 'fault', PENCIL],
    ['an endless user name', `n,,n=${'u'.repeat(5000)},r=a`, FINAL, 'fault', PENCIL],
    ['the binding of another header', FIRST, FINAL.replace('biws', 'eSws'), 'fault', PENCIL],
    ['the nonce of the client alone', FIRST, FINAL.replace(/%[^,]*/, ''), 'fault', PENCIL],
    ['no proof', FIRST, `c=biws,r=${NONCE}`, 'fault', PENCIL],
    ['a proof that is too short', FIRST, `c=biws,r=${NONCE},p=AAAA`, 'fault', PENCIL],
    [
      'a proof of zeros',
      FIRST,
      `c=biws,r=${NONCE},p=${Buffer.alloc(32).toString('base64')}`,
      'rejected',
      PENCIL,
    ],
  ])('does not take %s', (_, first, final, outcome, verifier) => {
    expect(serve(first, final, verifier)).toBe(outcome)
  })

  test('takes no message of noise', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (first, final) => {
        expect(['fault', 'rejected']).toContain(serve(first, final))
        expect(['fault', 'rejected']).toContain(serve(FIRST, `c=biws,r=${NONCE},p=${final}`))
      }),
    )
  })
})

describe('the client', () => {
  function exchange(client: ScramClient, verifier: LoopbackVerifier): string {
    const server = new ScramServer(verifier, 'server-nonce')
    const challenge = server.challenge(client.first)
    if (challenge.kind !== 'continue') return challenge.kind
    const final = client.answer(challenge.data)
    if (final.kind === 'fault') return final.reason
    const outcome = server.verify(final.data)
    return outcome.kind === 'accepted' ? (client.verify(outcome.data) ?? 'both proven') : outcome.kind
  }

  test('and the server come to the same for any password', () => {
    const passwords = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(passwords, password => {
        expect(exchange(clientOf(password), verifierOf(password, 1))).toBe('both proven')
      }),
    )
    expect(exchange(clientOf('one'), verifierOf('two'))).toBe('rejected')
  })

  test('prepares a password as SASLprep says', () => {
    expect(exchange(clientOf('I\u00adX'), verifierOf('IX'))).toBe('both proven')
    expect(exchange(clientOf('\u2168'), verifierOf('IX'))).toBe('both proven')
    expect(exchange(clientOf('a\u00a0b'), verifierOf('a b'))).toBe('both proven')
  })

  test.each([
    ['a nonce that is not ours', 'r=other,s=c2FsdA==,i=4096', 'its SCRAM nonce is not ours'],
    ['our nonce and nothing more', 'r=client-nonce,s=c2FsdA==,i=4096', 'its SCRAM nonce is not ours'],
    [
      'an endless nonce',
      `r=client-nonce${'x'.repeat(5000)},s=c2FsdA==,i=4096`,
      'its SCRAM message is too long',
    ],
    ['no salt', 'r=client-nonce1,s=,i=4096', 'its SCRAM salt is malformed'],
    ['a salt that is not base64', 'r=client-nonce1,s=a b,i=4096', 'its SCRAM salt is malformed'],
    ['no iterations', 'r=client-nonce1,s=c2FsdA==,i=0', 'between 1 and'],
    ['iterations for a day', 'r=client-nonce1,s=c2FsdA==,i=9999999', 'between 1 and'],
    ['iterations that are no number', 'r=client-nonce1,s=c2FsdA==,i=4e3', 'between 1 and'],
    ['an error', 'e=other-error', 'its SCRAM nonce is not ours'],
  ])('refuses %s of a hostile server', (_, message, reason) => {
    expect(clientOf('x').answer(message)).toMatchObject({
      kind: 'fault',
      reason: expect.stringContaining(reason),
    })
  })

  test('does not believe a server that does not know the password', () => {
    const client = clientOf('secret')
    expect(client.verify('v=AAAA')).toBeDefined()
    client.answer('r=client-nonce1,s=c2FsdA==,i=4096')
    expect(client.verify(`v=${Buffer.alloc(32).toString('base64')}`)).toBe(
      'it does not know the password of the role itself',
    )
    expect(client.isServerProven).toBe(false)
  })

  test('binds to the channel where both sides can, and says so where the other cannot', () => {
    const point = Buffer.alloc(32, 1)
    const both = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256']
    expect(clientOf('x', point, both).first).toMatch(/^p=tls-server-end-point,,/)
    expect(clientOf('x', point).first).toMatch(/^y,,/)
    expect(clientOf('x', undefined, both).first).toMatch(/^n,,/)
    expect(clientOf('x', undefined, both).mechanism).toBe('SCRAM-SHA-256')
  })
})

test('an MD5 answer is the one that PostgreSQL computes', () => {
  // printf secretreader | md5sum, then (printf $THAT; printf '\1\2\3\4') | md5sum
  const answer = md5Password({ user: 'reader', password: 'secret', salt: Buffer.from([1, 2, 3, 4]) })
  expect(answer).toBe('md52177da53809de71635ae580e71325335')
})
