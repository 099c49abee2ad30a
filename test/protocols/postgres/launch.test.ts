import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { launcherFor } from '../../../src/protocols/launchers.js'
import { fixedBytes } from './exchange.js'

const launcher = launcherFor('postgres')
const ENDPOINT = {
  connection: 'prod-db',
  host: '127.0.0.1',
  port: 15432,
  user: 'ann',
  database: 'shop',
  secret: 'se:cr\\et',
  directory: '/run/hoop',
}

test('a secret has 192 bits, is safe in a URL, and another each time', () => {
  const secrets = Array.from({ length: 20 }, () => launcher.makeSecret(randomBytes).secret)
  expect(new Set(secrets).size).toBe(20)
  for (const secret of secrets) expect(secret).toMatch(/^[\w-]{32}$/)
})

test('a verifier has nothing of the secret in it', () => {
  const { secret, verifier } = launcher.makeSecret(fixedBytes())
  expect(verifier.iterations).toBe(4096)
  for (const part of [verifier.salt, verifier.storedKey, verifier.serverKey]) {
    expect(Buffer.from(part, 'base64').includes(Buffer.from(secret, 'base64url'))).toBe(false)
  }
  expect(JSON.stringify(verifier)).not.toContain(secret)
})

test('the secret is in a private file and in what a person pastes, and nowhere else', () => {
  const { files, profile, ...rest } = launcher.plan(ENDPOINT)
  expect(files).toEqual({ '/run/hoop/pgpass': '127.0.0.1:15432:*:ann:se\\:cr\\\\et\n' })
  expect(profile).toEqual({
    host: '127.0.0.1',
    port: 15432,
    user: 'ann',
    password: 'se:cr\\et',
    database: 'shop',
  })
  expect(JSON.stringify(rest)).not.toContain('cr')
})

test('a tool finds the listener by its environment, and nothing of the caller leads it elsewhere', () => {
  const { program, args, environment, removeEnvironment } = launcher.plan(ENDPOINT)
  expect({ program, args }).toEqual({ program: 'psql', args: [] })
  expect(environment).toMatchObject({
    PGHOST: '127.0.0.1',
    PGPORT: '15432',
    PGUSER: 'ann',
    PGDATABASE: 'shop',
    PGCLIENTENCODING: 'UTF8',
  })
  expect(removeEnvironment).toEqual(
    expect.arrayContaining(['PGSERVICE', 'PGHOSTADDR', 'PGPASSWORD', 'PGSERVICEFILE']),
  )
  expect(removeEnvironment.filter(name => name in environment)).toEqual([])
})
