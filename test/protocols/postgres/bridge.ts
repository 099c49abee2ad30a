import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { startClient } from '../../../src/protocols/postgres/client-start.js'
import * as codec from '../../../src/protocols/postgres/codec.js'
import { startTarget } from '../../../src/protocols/postgres/target-start.js'
import type {
  CancelKey,
  ClientStarted,
  TargetReady,
  TargetStartAction,
} from '../../../src/protocols/protocol.js'
import { LOOPBACK } from './exchange.js'

/** Where a target is and who signs in. */
export interface TargetAccount {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  readonly tls: 'disable' | 'require'
  readonly settings?: Readonly<Record<string, string>>
  /** Bind SCRAM to the certificate. Default true. */
  readonly binds?: boolean
}

/** How a start of a real target ended. `said` has the client's messages by their tags' first bytes. */
export type TargetOutcome =
  | { readonly kind: 'ready'; readonly ready: TargetReady; readonly stream: Duplex; readonly said: Buffer }
  | { readonly kind: 'failed'; readonly reason: string; readonly message: string }

/** Performs a target's start on a socket. */
export async function openTarget(account: TargetAccount): Promise<TargetOutcome> {
  let stream: Duplex = await dial(account)
  const said: Buffer[] = []
  let endPoint: Buffer | undefined
  const start = startTarget({
    ...account,
    settings: account.settings ?? {},
    randomBytes,
    serverEndPoint: () => (account.binds === false ? undefined : endPoint),
  })
  let actions: readonly TargetStartAction[] = start.begin()
  for (;;) {
    for (const action of actions) {
      if (action.kind === 'toTarget') {
        said.push(action.bytes)
        stream.write(action.bytes)
      } else if (action.kind === 'ready') return { ...action, stream, said: Buffer.concat(said) }
      else if (action.kind === 'failed') {
        stream.destroy()
        return action
      }
    }
    if (actions.some(action => action.kind === 'tls')) {
      const secured = await upgrade(stream)
      stream = secured.stream
      endPoint = secured.endPoint
      actions = start.secured()
    } else actions = start.fromTarget(await nextChunk(stream))
  }
}

function dial({ host, port }: TargetAccount): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true })
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
  })
}

function upgrade(stream: Duplex): Promise<{ stream: Duplex; endPoint: Buffer }> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ socket: stream, rejectUnauthorized: false })
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      const certificate = new X509Certificate(socket.getPeerCertificate().raw)
      resolve({ stream: socket, endPoint: createHash('sha256').update(certificate.raw).digest() })
    })
  })
}

/** The next bytes of a stream, which is paused after them; rejects at its end. */
export function nextChunk(stream: Duplex): Promise<Buffer> {
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
      reject(new Error('the target closed the connection'))
    }
    stream.on('data', onData)
    stream.once('close', onClose)
    stream.resume()
  })
}

/** A listener that knows its clients by the loopback's secret and joins them to a real server, byte by byte. */
export interface Bridge {
  readonly port: number
  readonly started: readonly ClientStarted[]
  readonly cancels: readonly CancelKey[]
  stop(): Promise<void>
}

/** The key that every client of a bridge is given. */
export const BRIDGE_KEY: CancelKey = { process: 4711, secret: Buffer.from([9, 8, 7, 6]) }

/** Starts a bridge to a target. */
export async function startBridge(account: TargetAccount): Promise<Bridge> {
  const started: ClientStarted[] = []
  const cancels: CancelKey[] = []
  const sockets = new Set<Duplex>()
  const server: Server = createServer(client => {
    sockets.add(client)
    client.on('error', () => {})
    const start = startClient({ verifier: LOOPBACK.verifier, randomBytes })
    client.on('data', function read(chunk) {
      for (const action of start.fromClient(chunk)) {
        if (action.kind === 'toClient') client.write(action.bytes)
        else if (action.kind === 'close') client.end()
        else if (action.kind === 'cancel') {
          cancels.push(action.key)
          client.end()
        } else {
          client.off('data', read)
          client.pause()
          started.push(action.start)
          void join(client, { ...account, settings: action.start.settings }).then(target =>
            sockets.add(target),
          )
        }
      }
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>(resolve => server.close(() => resolve()))
  }
  return { port, started, cancels, stop }
}

async function join(client: Socket, account: TargetAccount): Promise<Duplex> {
  const outcome = await openTarget(account)
  if (outcome.kind === 'failed') {
    client.end(
      codec.errorResponse(
        new Map([
          ['S', 'FATAL'],
          ['V', 'FATAL'],
          ['C', '08001'],
          ['M', outcome.message],
        ]),
      ),
    )
    return client
  }
  const { ready, stream } = outcome
  client.write(codec.authenticationOk())
  for (const [name, value] of ready.settings) client.write(codec.parameterStatus(name, value))
  client.write(Buffer.concat([codec.backendKeyData(BRIDGE_KEY), ready.notices, codec.readyForQuery('I')]))
  stream.on('error', () => client.destroy())
  client.pipe(stream).pipe(client)
  return stream
}
