import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { ADA, EVE, GRACE, type HoopStack, startHoopStack } from '../setup/hoop-stack.js'
import { sqlOn } from '../setup/postgres.js'

const DATABASE = 'main_job'
const CLEAR = /\d{3}-\d{2}-\d{4}|4111111111111111/

let stack: HoopStack

beforeAll(async () => {
  const postgres = inject('postgres')
  await sqlOn(postgres, 'postgres', `CREATE DATABASE ${DATABASE}`)
  await sqlOn(
    postgres,
    DATABASE,
    `CREATE TABLE customers (id int PRIMARY KEY, name text, ssn text, card text);
     INSERT INTO customers VALUES (1, 'Ann', '123-45-6789', '4111111111111111'), (2, 'Bob', '987-65-4321', '4111111111111111');
     CREATE TABLE orders (id int PRIMARY KEY, total int);
     INSERT INTO orders SELECT g, g * 10 FROM generate_series(1, 5) g;
     GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
     GRANT ALL ON ALL TABLES IN SCHEMA public TO writer;`,
  )
  stack = await startHoopStack({
    connections: [
      {
        name: 'shop',
        type: 'postgres',
        address: `${postgres.host}:${postgres.port}`,
        agent: 'beside-db',
        tls: { mode: 'disable' },
        database: DATABASE,
        roles: [
          { name: 'reader', user: 'reader', password: 'env:READER' },
          { name: 'writer', user: 'writer', password: 'env:WRITER' },
        ],
      },
    ],
    config: {
      masking: {
        rules: [
          { name: 'ssn', columns: ['public.customers.ssn'], strategy: 'redact' },
          { name: 'cards', detectors: ['card-number'], strategy: 'keep-last 4' },
        ],
      },
    },
    secrets: { READER: postgres.reader.password, WRITER: postgres.writer.password },
    agentAllows: [`${postgres.host}:${postgres.port}`],
  })
  expect((await stack.login(ADA)).code).toBe(0)
  expect((await stack.login(GRACE)).code).toBe(0)
})

afterAll(async () => {
  await stack?.stop()
  await sqlOn(inject('postgres'), 'postgres', `DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`)
})

const psql = (...args: string[]) => stack.hoop(ADA, ['connect', 'shop', '--', '-X', '-A', '-t', ...args])

/** Runs something as Ada and gives the session it made. */
async function sessionOf(...args: string[]): Promise<string> {
  const { stderr } = await psql(...args)
  return /session (s-\w{16})/.exec(stderr)?.[1] ?? ''
}

test('who signed in is who the gateway says', async () => {
  const { stdout } = await stack.hoop(ADA, ['whoami', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ name: 'ada@example.com', groups: ['engineering'] })
})

test('a SELECT comes back at once, masked by column and by value', async () => {
  const { code, stdout } = await psql('-c', 'SELECT * FROM customers ORDER BY id')
  expect(code).toBe(0)
  expect(stdout.trim().split('\n')).toEqual([
    '1|Ann|[masked]|************1111',
    '2|Bob|[masked]|************1111',
  ])
})

test('an alias, an expression and a cast do not talk the mask away', async () => {
  const outputs = ['ssn AS name', "ssn || ''", 'ssn::bytea', 'reverse(ssn)', 'c', 'row_to_json(c)']
  const selects = outputs.flatMap(output => ['-c', `SELECT ${output} FROM customers c`])
  const { stdout, code } = await psql('-P', 'null=NULL', ...selects)
  expect(code).toBe(0)
  expect(stdout.split('\n').filter(line => line !== '')).toHaveLength(outputs.length * 2)
  expect(stdout).not.toMatch(CLEAR)
  expect(stdout).not.toContain('9876')
})

test('a DROP and a bare DELETE are refused with the rule, and the next statement works', async () => {
  const { stdout, stderr } = await psql(
    '-c',
    'DROP TABLE orders',
    '-c',
    'DELETE FROM orders',
    '-c',
    'SELECT count(*) FROM orders',
  )
  expect(stderr).toContain('refused by rule "no-drop"')
  expect(stderr).toContain('refused by rule "no-bare-delete"')
  expect(stdout.trim()).toBe('5')
})

test('a writer may write where a condition says what, with a reason', async () => {
  const without = await stack.hoop(ADA, ['connect', 'shop', '--role', 'writer', '--', '-c', 'SELECT 1'])
  expect(without.code).toBe(64)
  expect(without.stderr).toContain('--reason')
  const args = ['connect', 'shop', '--role', 'writer', '--reason', 'fix order 1', '--', '-X', '-c']
  const written = await stack.hoop(ADA, [...args, 'UPDATE orders SET total = 11 WHERE id = 1'])
  expect(written.stdout.trim()).toBe('UPDATE 1')
})

test("the client's exit code and arguments pass unchanged", async () => {
  expect((await psql('-v', 'ON_ERROR_STOP=1', '-c', 'SELECT 1/0')).code).toBe(1)
  expect((await psql('-v', 'word=a b', '-c', '\\echo :word')).stdout.trim()).toBe('a b')
})

test('a session can be listed, shown, replayed, exported and verified', async () => {
  const id = await sessionOf('-c', 'SELECT ssn FROM customers', '-c', 'DROP TABLE customers')
  const list = await stack.hoop(ADA, ['sessions', 'list', '--json'])
  expect(JSON.parse(list.stdout)[0]).toMatchObject({
    id,
    operations: 2,
    refused: 1,
    endReason: 'client_closed',
  })
  expect((await stack.hoop(ADA, ['sessions', 'show', id])).stdout).toContain('no-drop 1')
  const replayed = await stack.hoop(ADA, ['sessions', 'replay', id])
  expect(replayed.stdout).toContain('SELECT ssn FROM customers')
  expect(replayed.stdout).toContain('[masked]')
  expect(replayed.stdout).not.toMatch(CLEAR)
  expect((await stack.hoop(ADA, ['sessions', 'export', id, '--format', 'csv'])).stdout).toContain('no-drop')
  expect((await stack.hoop(ADA, ['sessions', 'verify', id])).code).toBe(0)
})

test('an exported recording proves itself without the gateway, and a changed one does not', async () => {
  const id = await sessionOf('-c', 'SELECT 42')
  const { stdout } = await stack.hoop(ADA, ['sessions', 'export', id])
  const file = join(stack.directory, 'exported.jsonl')
  writeFileSync(file, stdout)
  expect((await stack.hoop(EVE, ['sessions', 'verify', '--file', file])).code).toBe(0)
  writeFileSync(file, readFileSync(file, 'utf8').replace('SELECT 42', 'SELECT 43'))
  const changed = await stack.hoop(EVE, ['sessions', 'verify', '--file', file])
  expect(changed.code).toBe(65)
  expect(changed.stdout).toContain('altered')
})

test("an auditor reads everyone's sessions, others only their own and learn nothing of the rest", async () => {
  const id = await sessionOf('-c', 'SELECT 1')
  expect((await stack.hoop(GRACE, ['sessions', 'show', id])).code).toBe(0)
  expect((await stack.login(EVE)).code).toBe(0)
  const refused = await stack.hoop(EVE, ['sessions', 'show', id])
  const unknown = await stack.hoop(EVE, ['sessions', 'show', 's-0000000000000000'])
  expect(refused.code).toBe(64)
  expect(refused.stderr.replace(id, 's-0000000000000000')).toBe(unknown.stderr)
})

test('a grant is given back when the client ends', async () => {
  await psql('-c', 'SELECT 1')
  const { stdout } = await stack.hoop(ADA, ['grants', 'list', '--json'])
  const grants: { revokedAt?: string }[] = JSON.parse(stdout)
  expect(grants.filter(grant => grant.revokedAt === undefined)).toEqual([])
})

test('a logout ends the login here and at the provider', async () => {
  expect((await stack.hoop(EVE, ['logout'])).stderr).toContain('also at the identity provider')
  const after = await stack.hoop(EVE, ['whoami'])
  expect(after.code).toBe(77)
  expect(after.stderr).toContain('try: hoop login')
})

test('mistakes on the command line are usage errors', async () => {
  for (const args of [
    ['connect'],
    ['connect', 'shop', '--nope'],
    ['sessions', 'show', 'what'],
    ['connect', 'shop', '--for', 'soon'],
  ]) {
    expect((await stack.hoop(ADA, args)).code, args.join(' ')).toBe(64)
  }
})
