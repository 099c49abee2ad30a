import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import {
  cancelRequestMessage,
  query,
  saslInitialResponse,
  saslResponse,
  startupMessage,
} from '../../src/protocols/postgres/codec.js'
import { ScramClient } from '../../src/protocols/postgres/scram-client.js'
import { type SmallFrame, SmallFrameReader } from '../../src/protocols/postgres/small-frame-reader.js'
import type { CancelKey } from '../../src/protocols/protocol.js'
import type { Listener } from './listener.js'
import { type Shop, startShop } from './shop.js'
import { until } from './until.js'

let shop: Shop
let listener: Listener

beforeAll(async () => {
  shop = await startShop({ postgres: inject('postgres'), name: 'cancel_keys' })
  listener = await shop.listen()
}, 120_000)

afterAll(async () => {
  await listener?.stop()
  await shop?.stop()
})

/** A client of frames that signed in with a version of the protocol. */
interface Client {
  readonly socket: Socket
  readonly key: CancelKey
  /** The messages up to the next ReadyForQuery, as tag and text. */
  ask(text: string): Promise<readonly string[]>
  close(): void
}

async function signIn(minor: number): Promise<Client> {
  const { port, password } = listener.profile
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  const reader = new SmallFrameReader({ messageBytesMax: 1 << 20 })
  socket.on('error', () => {})
  socket.on('data', chunk => reader.push(chunk))
  const next = (): Promise<SmallFrame> =>
    until('the gateway answers', () => {
      const frame = reader.takeMessage()
      if (frame?.kind === 'fault') throw new Error(frame.reason)
      return frame
    })
  const scram = new ScramClient({ password, nonce: 'nonce', serverEndPoint: undefined, mechanisms: [] })
  socket.write(startupMessage({ user: 'any' }, minor))
  await next()
  socket.write(saslInitialResponse('SCRAM-SHA-256', scram.first))
  const step = scram.answer((await next()).body.toString('latin1', 4))
  if (step.kind !== 'say') throw new Error(step.reason)
  socket.write(saslResponse(step.data))
  let key: CancelKey | undefined
  for (let frame = await next(); frame.tag !== 'Z'; frame = await next()) {
    if (frame.tag === 'K') key = { process: frame.body.readUInt32BE(0), secret: frame.body.subarray(4) }
  }
  if (key === undefined) throw new Error('the client was given no key')
  const ask = async (text: string): Promise<readonly string[]> => {
    socket.write(query(text))
    const said: string[] = []
    for (let frame = await next(); frame.tag !== 'Z'; frame = await next())
      said.push(frame.tag + frame.body.toString('latin1'))
    return said
  }
  return { socket, key, ask, close: () => socket.destroy() }
}

/** Sends a cancel request as libpq does, and waits until the connection is closed: then it was carried out or dropped. */
function cancel(key: CancelKey): Promise<void> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port: listener.profile.port })
    socket.on('error', () => {})
    socket.once('close', () => resolve())
    socket.resume()
    socket.write(cancelRequestMessage(key))
  })
}

function isRunning(what: string): Promise<boolean> {
  const text = `SELECT count(*) > 0 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%${what}%'`
  return shop.sql(`${text} AND usename = 'cancel_keys'`).then(answer => answer === 't')
}

test.each([
  [0, 4],
  [2, 32],
])(
  'a client of protocol 3.%i cancels with its own secret of %i bytes, and no other does',
  async (minor, bytes) => {
    const client = await signIn(minor)
    const other = await signIn(minor)
    const { process, secret } = client.key
    expect(secret).toHaveLength(bytes)
    expect(secret.equals(other.key.secret)).toBe(false)
    const mark = `sleeper ${minor}`
    const answered = client.ask(`SELECT '${mark}', pg_sleep(60)`)
    await until('the statement runs', () => isRunning(mark))
    const changed = Buffer.from(secret)
    changed[bytes - 1] = (changed[bytes - 1] ?? 0) ^ 1
    const guesses = [
      changed,
      Buffer.concat([secret, Buffer.alloc(1)]),
      Buffer.alloc(bytes),
      secret.subarray(0, 4),
    ]
    for (const guess of guesses.filter(one => !one.equals(secret))) await cancel({ process, secret: guess })
    await cancel({ process: process ^ 1, secret })
    await cancel({ process, secret: other.key.secret })
    // A session of the same listener that runs nothing: its cancel is dropped, and hits nobody else.
    await cancel(other.key)
    expect(await isRunning(mark)).toBe(true)
    await cancel(client.key)
    expect((await answered).join()).toContain('C57014')
    client.close()
    other.close()
  },
  60_000,
)

test('a cancel request for a statement that has ended does not hit the next one', async () => {
  const client = await signIn(2)
  for (let round = 0; round < 5; round += 1) {
    await client.ask('SELECT 1')
    await cancel(client.key)
    const said = await client.ask('SELECT pg_sleep(0.2)')
    expect(said.at(-1)).toMatch(/^CSELECT 1/)
  }
  client.close()
}, 60_000)
