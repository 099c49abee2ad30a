import { expect, test } from 'vitest'
import { type AllowedAddress, mayDial, permissionFor, readTargetAddress } from '../../src/agent/allow-list.js'
import { backoffMs } from '../../src/agent/backoff.js'

const ALLOW: readonly AllowedAddress[] = [
  { host: 'db.internal', port: 5432 },
  { host: '*.rds.example.com', port: 5432 },
  { host: 'Orders-*', port: 3306 },
  { host: '127.0.0.1', port: 6432 },
  { host: '169.254.169.254', port: 80 },
  { host: '[fd00::1]', port: 5432 },
  { host: '*', port: 9999 },
]

/** What happens to `target` when its name leads to `address`. */
function check(target: string, address: string, expected: 'dialled' | 'refused' | 'unreadable'): void {
  const read = readTargetAddress(target)
  const outcome =
    read === undefined
      ? 'unreadable'
      : mayDial(address, read.host, permissionFor(ALLOW, read))
        ? 'dialled'
        : 'refused'
  expect({ target, address, outcome }).toEqual({ target, address, outcome: expected })
}

test('an agent dials what is listed, and nothing else', () => {
  check('db.internal:5432', '10.0.0.5', 'dialled')
  check('DB.internal:5432', '10.0.0.5', 'dialled')
  check('db.internal:5433', '10.0.0.5', 'refused')
  check('db.internal.evil.com:5432', '10.0.0.5', 'refused')
  check('xdb.internal:5432', '10.0.0.5', 'refused')
  check('a.rds.example.com:5432', '10.0.0.5', 'dialled')
  check('a.b.rds.example.com:5432', '10.0.0.5', 'refused')
  check('rds.example.com:5432', '10.0.0.5', 'refused')
  check('orders-1:3306', '10.0.0.5', 'dialled')
  check('[fd00::1]:5432', 'fd00::1', 'dialled')
  check('10.0.0.5:5432', '10.0.0.5', 'refused')
})

test('an agent reaches its own machine only when an entry names the host', () => {
  check('127.0.0.1:6432', '127.0.0.1', 'dialled')
  check('db.internal:5432', '127.0.0.1', 'dialled')
  check('a.rds.example.com:5432', '127.0.0.1', 'refused')
  check('a.rds.example.com:5432', '127.8.8.8', 'refused')
  check('a.rds.example.com:5432', '0.0.0.0', 'refused')
  check('a.rds.example.com:5432', '::1', 'refused')
  check('a.rds.example.com:5432', '::', 'refused')
  check('a.rds.example.com:5432', '::ffff:127.0.0.1', 'refused')
  check('localhost:9999', '127.0.0.1', 'refused')
  check('2130706433:9999', '127.0.0.1', 'refused')
  check('0x7f000001:9999', '127.0.0.1', 'refused')
})

test('an agent reaches what hands out credentials only when an entry is that very address', () => {
  check('169.254.169.254:80', '169.254.169.254', 'dialled')
  check('db.internal:5432', '169.254.169.254', 'refused')
  check('a.rds.example.com:5432', '169.254.1.1', 'refused')
  check('a.rds.example.com:5432', '::ffff:169.254.169.254', 'refused')
  check('a.rds.example.com:5432', '::ffff:a9fe:a9fe', 'refused')
  check('a.rds.example.com:5432', 'fe80::1%eth0', 'refused')
  check('a.rds.example.com:5432', 'fd00:ec2::254', 'refused')
  check('169.254.169.254:9999', '169.254.169.254', 'refused')
})

test('an address that is none is not dialled', () => {
  for (const text of [
    '',
    'db',
    'db:',
    ':5432',
    'db:0',
    'db:65536',
    'db:5432:1',
    'db:-1',
    'db :5432',
    'a\nb:5432',
    'a\0b:5432',
    '*:9999',
    '[::1:5432',
    '::1:5432',
    '[db]:5432',
    '-db:5432',
    'db.:9999',
    `${'x'.repeat(300)}:5432`,
  ]) {
    check(text, '10.0.0.5', 'unreadable')
  }
})

test('pauses double up to half a minute, and no two agents agree on them', () => {
  expect([1, 2, 3, 6, 7, 100].map(attempt => backoffMs(attempt, 0))).toEqual([
    500, 1000, 2000, 15_000, 15_000, 15_000,
  ])
  expect([1, 2, 6, 7].map(attempt => backoffMs(attempt, 1))).toEqual([1000, 2000, 30_000, 30_000])
})
