import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type IPty, spawn } from '@lydell/node-pty'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { ADA } from '../setup/hoop-stack.js'
import { liveGrants, type Shop, startShop } from './shop.js'
import { until } from './until.js'

const HOOP = fileURLToPath(new URL('../../bin/hoop.js', import.meta.url))
/** From the death of a command to the end of its session, at the most. */
const LOST_WITHIN_MS = 30_000

let shop: Shop

beforeAll(async () => {
  shop = await startShop({ postgres: inject('postgres'), name: 'client_gone' })
}, 120_000)

afterAll(() => shop.stop())

function isRunning(what: string): Promise<boolean> {
  const text = `SELECT count(*) > 0 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%${what}%'`
  return shop.sql(`${text} AND usename = 'client_gone'`).then(answer => answer === 't')
}

function refuses(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('error', () => resolve(true))
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
  })
}

async function nothingIsLeft(): Promise<void> {
  await until('the private directories are gone', () => shop.privateDirectories().length === 0)
  await until('the target has no connection of it', async () => (await shop.targetConnections()) === 0)
  expect(liveGrants(await shop.grants())).toEqual([])
}

test('a listener that gets SIGKILL loses session, grant, port and files', async () => {
  const listener = await shop.listen()
  const client = await listener.client()
  const running = client.query("SELECT 'left alone', pg_sleep(60)").catch((error: unknown) => error)
  await until('the statement runs', () => isRunning('left alone'))
  await listener.stop('SIGKILL')
  expect(await running).toBeInstanceOf(Error)
  expect(await refuses(listener.profile.port)).toBe(true)
  await until('the target runs nothing of it', async () => !(await isRunning('left alone')), 2_000)
  const ended = await shop.endedSession(listener.profile.session, LOST_WITHIN_MS)
  expect(ended.endReason).toBe('client_lost')
  await nothingIsLeft()
}, 60_000)

test('hoop passes SIGTERM on to psql, and ends as psql does', async () => {
  const child = shop.stack.spawnHoop(ADA, ['connect', 'shop', '--', '-c', "SELECT 'ended', pg_sleep(60)"])
  const exit = new Promise<readonly unknown[]>(resolve => child.once('exit', (...how) => resolve(how)))
  await until('the statement runs', () => isRunning('ended'))
  child.kill('SIGTERM')
  expect(await exit).toEqual([143, null])
  await until('the target runs nothing of it', async () => !(await isRunning('ended')), 2_000)
  await nothingIsLeft()
}, 60_000)

test('Ctrl-C cancels a statement of psql, and the session stays', async () => {
  const { terminal, screen } = openTerminal()
  await until('psql is there', () => screen().includes('=>'))
  terminal.write("SELECT 'in a hurry', pg_sleep(60);\r")
  await until('the statement runs', () => isRunning('in a hurry'))
  terminal.write('\x03')
  await until('psql says so', () => screen().includes('canceling statement due to user request'))
  await until('the target runs nothing of it', async () => !(await isRunning('in a hurry')), 2_000)
  terminal.write("SELECT 'still ' || 'here';\r")
  await until('the session stays', () => screen().includes('still here'))
  const exit = new Promise<number>(resolve => terminal.onExit(({ exitCode }) => resolve(exitCode)))
  terminal.write('\\q\r')
  expect(await exit).toBe(0)
  await nothingIsLeft()
}, 60_000)

test('a terminal that is closed takes psql, session and grant with it', async () => {
  const { terminal, screen } = openTerminal()
  await until('psql is there', () => screen().includes('=>'))
  const exit = new Promise<void>(resolve => terminal.onExit(() => resolve()))
  terminal.kill('SIGHUP')
  await exit
  await until(
    'the grant is given back',
    async () => liveGrants(await shop.grants()).length === 0,
    LOST_WITHIN_MS,
  )
  await nothingIsLeft()
}, 60_000)

function openTerminal(): { readonly terminal: IPty; readonly screen: () => string } {
  let text = ''
  const terminal = spawn(process.execPath, [HOOP, 'connect', 'shop', '--', '-X', '-P', 'pager=off'], {
    env: { ...shop.stack.env(ADA), TERM: 'xterm' },
    cols: 120,
    rows: 40,
  })
  terminal.onData(chunk => {
    text += chunk
  })
  return { terminal, screen: () => text }
}
