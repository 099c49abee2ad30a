import { once } from 'node:events'
import { connect as connectHttp2, constants } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { STREAM_CONTENT_TYPE, type StreamRequest } from '../../src/tunnel/stream-request.js'
import { type Gateway, readAll, startGateway } from './gateway-fixture.js'

let gateway: Gateway
const sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await gateway.close()
})

/** The first bytes of a TLS handshake, which promise more than comes. */
const HALF_HELLO = Buffer.from('16030102000100', 'hex')

async function halfOpen(bytes: Buffer): Promise<Socket> {
  const socket = connect(gateway.server.port, '127.0.0.1')
  socket.on('error', () => undefined)
  sockets.push(socket)
  await once(socket, 'connect')
  socket.write(bytes)
  return socket
}

async function works(): Promise<void> {
  const peer = await gateway.dial()
  const stream = await peer.open('/echo', {})
  stream.end('still here')
  expect((await readAll(stream)).toString()).toBe('still here')
}

test.each([
  ['garbage', Buffer.from('\x00\xff\x13\x37 what is this'.repeat(100), 'latin1')],
  ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ['a PostgreSQL SSLRequest', Buffer.from('0000000804d2162f', 'hex')],
])('%s on the port ends that connection and nothing else', async (_, bytes) => {
  gateway = await startGateway()
  const socket = await halfOpen(bytes)
  socket.resume()
  await once(socket, 'close')
  await works()
})

test('500 handshakes that are left hanging shut nobody out', async () => {
  gateway = await startGateway()
  await Promise.all(Array.from({ length: 500 }, () => halfOpen(HALF_HELLO)))
  await works()
})

test('of too many half-open handshakes the oldest gives way', async () => {
  gateway = await startGateway({ limits: { handshakesPerAddressMax: 3 } })
  const oldest = await halfOpen(HALF_HELLO)
  oldest.resume()
  for (let count = 0; count < 3; count += 1) await halfOpen(HALF_HELLO)
  if (!oldest.closed) await once(oldest, 'close')
  await works()
})

test('a handshake that takes too long is ended', async () => {
  gateway = await startGateway({ handshakeTimeoutMs: 200 })
  const socket = await halfOpen(HALF_HELLO)
  socket.resume()
  await once(socket, 'close')
})

test('more connections than allowed from one address are turned away, and one that leaves makes room', async () => {
  gateway = await startGateway({ limits: { connectionsPerAddressMax: 1 } })
  const first = await gateway.dial()
  await (await first.open('/echo', {})).destroy()
  const second = await gateway
    .dial()
    .then(
      peer => peer.open('/echo', {}),
      error => error,
    )
    .catch(error => error)
  expect(second).toMatchObject({ code: 'gateway_unavailable' })
  first.close()
  await first.closed
  await expect
    .poll(
      () =>
        works().then(
          () => 'works',
          () => 'full',
        ),
      { timeout: 5_000 },
    )
    .toBe('works')
})

test.each([
  ['a message larger than 1 MiB', (socket: WebSocket) => socket.send(Buffer.alloc(1024 * 1024 + 1))],
  ['a text that is not the end', (socket: WebSocket) => socket.send('DROP TABLE')],
  [
    'bytes after the end',
    (socket: WebSocket) => {
      socket.send('end')
      socket.send(Buffer.from('more'))
    },
  ],
])('%s cuts a WebSocket stream', async (_, misbehave) => {
  let taken: (request: StreamRequest) => void = () => undefined
  gateway = await startGateway({ onStream: request => taken(request) })
  const cut = new Promise(resolve => {
    taken = request => {
      const stream = request.accept()
      stream.resume()
      stream.once('error', resolve)
    }
  })
  const socket = new WebSocket(`wss://localhost:${gateway.server.port}/x`, { ca: gateway.certificates.ca })
  socket.on('error', () => undefined)
  await once(socket, 'open')
  misbehave(socket)
  expect(await cut).toMatchObject({ message: 'Cannot go on with the stream: the tunnel was cut' })
  socket.terminate()
})

test('HTTP/1.1 headers that never end are cut off', { timeout: 25_000 }, async () => {
  gateway = await startGateway()
  const { ca } = gateway.certificates
  const socket = connectTls({ host: 'localhost', port: gateway.server.port, ca, ALPNProtocols: ['http/1.1'] })
  sockets.push(socket)
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
  socket.resume()
  await once(socket, 'close')
})

test('a peer that resets streams as fast as it can is cut off', async () => {
  let seen = 0
  gateway = await startGateway({
    onStream: request => {
      seen += 1
      request.accept().resume()
    },
  })
  const session = connectHttp2(gateway.url, { ca: gateway.certificates.ca })
  session.on('error', () => undefined)
  const closed = new Promise(resolve => session.once('close', resolve))
  let count = 0
  const flood = () => {
    for (let burst = 0; burst < 200 && !session.destroyed && !session.closed; burst += 1) {
      const stream = session.request({ ':method': 'POST', 'content-type': STREAM_CONTENT_TYPE })
      stream.on('error', () => undefined)
      stream.close(constants.NGHTTP2_CANCEL)
      count += 1
    }
    if (!session.destroyed && !session.closed && count < 50_000) setImmediate(flood)
  }
  session.once('connect', flood)
  await closed
  // The library under it lets 1000 resets pass, and then 33 a second (CVE-2023-44487).
  expect(seen).toBeLessThan(5_000)
  const peer = await gateway.dial()
  await peer.open('/x', {})
})
