import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TunnelPeer } from '../../src/tunnel/stream-request.js'
import { makeCertificates } from '../setup/certificates.js'
import { type Gateway, readAll, startGateway, TRANSPORTS } from './gateway-fixture.js'

let gateway: Gateway
const servers: Server[] = []

beforeEach(async () => {
  gateway = await startGateway({ hosts: ['localhost', '127.0.0.1', '::1', 'gateway.test'] })
})
afterEach(async () => {
  await gateway.close()
  for (const server of servers.splice(0)) server.close()
})

async function echoes(peer: TunnelPeer): Promise<void> {
  const stream = await peer.open('/echo', {})
  stream.end('SELECT 1')
  expect((await readAll(stream)).toString()).toBe('SELECT 1')
}

async function listen(server: Server, host = '127.0.0.1', port = 0): Promise<number> {
  servers.push(server)
  server.listen(port, host)
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** A proxy that knows `gateway.test`, and asks for a password when it is given one. */
async function startProxy(password?: string): Promise<{ readonly port: number; readonly asked: string[] }> {
  const asked: string[] = []
  const server = createHttpServer((_, response) => response.writeHead(400).end())
  server.on('connect', (request, client: Socket) => {
    client.on('error', () => undefined)
    const expected = `Basic ${Buffer.from(`user:${password}`).toString('base64')}`
    if (password !== undefined && request.headers['proxy-authorization'] !== expected) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    asked.push(request.url ?? '')
    const target = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      target.pipe(client).pipe(target)
    })
    target.on('error', () => client.destroy())
  })
  return { port: await listen(server), asked }
}

test.each(TRANSPORTS)('the gateway is reached through a proxy over transport %s', async transport => {
  const proxy = await startProxy('a p@ss')
  const url = `https://gateway.test:${gateway.server.port}`
  const env = { HTTPS_PROXY: `http://user:a%20p%40ss@127.0.0.1:${proxy.port}` }
  await echoes(await gateway.dial({ url, env, transport }))
  expect(proxy.asked[0]).toBe(`gateway.test:${gateway.server.port}`)
})

test('a proxy that refuses is named, its password is not', async () => {
  const proxy = await startProxy('secret')
  const url = `https://gateway.test:${gateway.server.port}`
  const env = { HTTPS_PROXY: `http://user:wrong@127.0.0.1:${proxy.port}` }
  const error = await gateway.dial({ url, env }).catch(reason => reason)
  expect(error.message).toBe(
    `Cannot reach the gateway at ${url} through the proxy 127.0.0.1:${proxy.port}: the proxy answered with HTTP status 407`,
  )
})

test('what answers only HTTP/1.1 is spoken to by WebSocket', async () => {
  const { cert, key, ca } = gateway.certificates
  // Ends TLS and opens it again, as an older load balancer does, without HTTP/2.
  const terminator = createTlsServer({ cert, key, ALPNProtocols: ['http/1.1'] }, client => {
    const target = connectTls({
      host: 'localhost',
      port: gateway.server.port,
      ca,
      ALPNProtocols: ['http/1.1'],
    })
    target.on('error', () => client.destroy())
    client.on('error', () => target.destroy())
    client.pipe(target).pipe(client)
  })
  const peer = await gateway.dial({ url: `https://localhost:${await listen(terminator)}` })
  await echoes(peer)
  expect((await peer.request({ method: 'GET', path: '/' })).status).toBe(404)
})

test('a gateway at an IPv6 address is reached', async () => {
  const forward = createServer(client => {
    const target = connect(gateway.server.port, '127.0.0.1')
    target.on('error', () => client.destroy())
    client.pipe(target).pipe(client)
  })
  const port = await listen(forward, '::1')
  await echoes(await gateway.dial({ url: `https://[::1]:${port}` }))
})

test('a certificate of an authority that nobody knows is refused, with the option that helps', async () => {
  const stranger = await makeCertificates(mkdtempSync(join(tmpdir(), 'hoop-stranger-')))
  for (const ca of [undefined, stranger.ca]) {
    const error = await gateway.dial({ ca }).catch(reason => reason)
    expect(error).toMatchObject({ code: 'gateway_unavailable', hint: expect.stringContaining('--ca-file') })
    expect(error.message).toContain('its certificate is not trusted')
  }
})

test('a certificate for another name is refused', async () => {
  const env = { HTTPS_PROXY: `http://127.0.0.1:${(await startProxy()).port}` }
  const error = await gateway
    .dial({ url: `https://other.test:${gateway.server.port}`, env })
    .catch(reason => reason)
  expect(error.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
})

test('a gateway that is not there, or does not answer, is said to be so', async () => {
  const silent = await listen(createServer(() => undefined))
  const slow = await gateway
    .dial({ url: `https://127.0.0.1:${silent}`, connectTimeoutMs: 200 })
    .catch(reason => reason)
  expect(slow.message).toBe(`Cannot reach the gateway at https://127.0.0.1:${silent}: no answer within 0.2 s`)
  const nobody = await gateway.dial({ url: 'https://127.0.0.1:1' }).catch(reason => reason)
  expect(nobody.message).toBe('Cannot reach the gateway at https://127.0.0.1:1: the connection was refused')
  const plain = await gateway.dial({ url: 'http://127.0.0.1:1' }).catch(reason => reason)
  expect(plain).toMatchObject({ code: 'configuration' })
})

test('the deadline and the signal are for dialling: a connection outlives both', async () => {
  const controller = new AbortController()
  const peer = await gateway.dial({ connectTimeoutMs: 300, signal: controller.signal })
  const stream = await peer.open('/echo', {})
  const deadline = once(AbortSignal.timeout(400), 'abort')
  controller.abort()
  await deadline
  stream.end('still here')
  expect((await readAll(stream)).toString()).toBe('still here')
})

test('a dialling that is called off ends', async () => {
  const silent = await listen(createServer(() => undefined))
  const signal = AbortSignal.timeout(50)
  await expect(gateway.dial({ url: `https://127.0.0.1:${silent}`, signal })).rejects.toMatchObject({
    code: 'gateway_unavailable',
  })
})

test.each(['SIGKILL', 'SIGSTOP'] as const)('a client that gets %s is noticed', async signal => {
  await gateway.close()
  let noticed: (error: unknown) => void = () => undefined
  const cut = new Promise(resolve => {
    noticed = resolve
  })
  gateway = await startGateway({
    pingIntervalMs: 300,
    onStream: request => {
      const stream = request.accept()
      stream.resume()
      stream.once('error', noticed)
    },
  })
  const script = fileURLToPath(new URL('hold-stream.ts', import.meta.url))
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', script, gateway.url, gateway.certificates.caFile],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  try {
    await once(child.stdout, 'data')
    child.kill(signal)
    expect(await cut).toMatchObject({ message: 'Cannot go on with the stream: the tunnel was cut' })
  } finally {
    child.kill('SIGKILL')
  }
})

test('a gateway that stops without a word is noticed by the client', async () => {
  const relays: Socket[] = []
  const forward = createServer(client => {
    const target = connect(gateway.server.port, '127.0.0.1')
    relays.push(client, target)
    for (const socket of [client, target]) socket.on('error', () => undefined)
    client.pipe(target).pipe(client)
  })
  const peer = await gateway.dial({ url: `https://localhost:${await listen(forward)}`, pingIntervalMs: 200 })
  const stream = await peer.open('/echo', {})
  stream.resume()
  const failed = once(stream, 'error')
  // The cable is out: nothing comes, and nothing says so.
  for (const socket of relays) socket.unpipe().pause()
  await failed
  await peer.closed
  await expect(peer.open('/echo', {})).rejects.toMatchObject({ code: 'gateway_unavailable' })
  for (const socket of relays) socket.destroy()
})
