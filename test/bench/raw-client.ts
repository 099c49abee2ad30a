import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { DerivedKeyCache, TargetReady } from '../../src/protocols/protocol.js'
import { protocolNamed } from '../../src/protocols/registry.js'
import type { Endpoint } from './endpoint.js'

/** ReadyForQuery, idle: the last bytes of every answer. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

/** Who signs in; with the keys kept, a second sign-in with the same salt derives nothing. */
export type SignIn = Pick<Endpoint, 'user' | 'password' | 'database'> & {
  readonly derivedKeys?: DerivedKeyCache
}

/** A socket to an endpoint, on which nothing was said yet. */
export function openSocket({ host, port }: Endpoint): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => resolve(socket))
  })
}

/** Signs in to a PostgreSQL over a stream, which is paused after it. */
export async function signIn(stream: Duplex, who: SignIn): Promise<TargetReady> {
  const start = protocolNamed('postgres').startTarget({ ...who, tls: 'disable', settings: {}, randomBytes })
  let actions = start.begin()
  for (;;) {
    for (const action of actions) {
      if (action.kind === 'toTarget') stream.write(action.bytes)
      else if (action.kind === 'ready') return action.ready
      else throw new Error(action.kind === 'failed' ? action.message : 'TLS was not asked for')
    }
    actions = start.fromTarget(await nextChunk(stream))
  }
}

/** Asks one statement that returns rows and no error, and drops the answer: its bytes. `pause` makes the reader slow. */
export async function ask(
  stream: Duplex,
  statement: string,
  pause?: (bytes: number) => Promise<void>,
): Promise<number> {
  const text = Buffer.from(statement)
  const query = Buffer.alloc(6 + text.length)
  query.write('Q')
  query.writeUInt32BE(5 + text.length, 1)
  text.copy(query, 5)
  stream.write(query)
  let bytes = 0
  let tail = Buffer.alloc(0)
  do {
    const chunk = await nextChunk(stream)
    if (bytes === 0 && chunk[0] === 0x45) throw new Error(`the statement failed: ${chunk.toString('latin1')}`)
    bytes += chunk.length
    tail = Buffer.concat([tail, chunk.subarray(-READY.length)]).subarray(-READY.length)
    if (pause !== undefined) await pause(bytes)
  } while (!tail.equals(READY))
  return bytes
}

function nextChunk(stream: Duplex): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      stream.pause()
      stream.off('data', onData)
      stream.off('close', onClose)
    }
    const onData = (chunk: Buffer): void => {
      settle()
      resolve(chunk)
    }
    const onClose = (): void => {
      settle()
      reject(new Error('the connection was closed'))
    }
    if (stream.destroyed) return onClose()
    stream.on('data', onData)
    stream.once('close', onClose)
    stream.resume()
  })
}
