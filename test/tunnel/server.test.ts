import { connect as connectHttp2, constants } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RequestListener } from '../../src/tunnel/http-exchange.js'
import type { TunnelPeer } from '../../src/tunnel/stream-request.js'
import { type Gateway, startGateway, TRANSPORTS } from './gateway-fixture.js'

const MIB = 1024 * 1024

describe.each(TRANSPORTS)('the API over transport %s', transport => {
  let gateway: Gateway
  let peer: TunnelPeer
  let listener: RequestListener

  beforeAll(async () => {
    gateway = await startGateway({ onRequest: (request, info) => listener(request, info) })
    peer = await gateway.dial({ transport })
  })
  afterAll(() => gateway.close())

  test('a request arrives whole, and so does its answer', async () => {
    listener = async (request, { address }) =>
      Response.json(
        {
          method: request.method,
          url: new URL(request.url).pathname + new URL(request.url).search,
          body: await request.text(),
          token: request.headers.get('authorization'),
          address,
        },
        { status: 201, headers: { 'x-answer': 'yes' } },
      )
    const headers = { authorization: 'Bearer t', 'content-type': 'application/json' }
    const answer = await peer.request({ method: 'POST', path: '/v1/x?y=1', headers, body: '{"a":1}' })
    expect(answer.status).toBe(201)
    expect(answer.headers['x-answer']).toBe('yes')
    expect(JSON.parse(answer.body.toString())).toEqual({
      method: 'POST',
      url: '/v1/x?y=1',
      body: '{"a":1}',
      token: 'Bearer t',
      address: '127.0.0.1',
    })
  })

  test('each cookie of an answer is a header of its own', async () => {
    const headers = new Headers([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ])
    listener = async () => new Response(null, { status: 204, headers })
    const answer = await peer.request({ method: 'GET', path: '/' })
    expect(answer.status).toBe(204)
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2'])
  })

  test('a body of more than 1 MiB is refused, and the next request works', async () => {
    listener = async request => new Response(String((await request.text()).length))
    const full = await peer.request({ method: 'POST', path: '/', body: 'x'.repeat(MIB) })
    expect(full.body.toString()).toBe(String(MIB))
    const refused = await peer
      .request({ method: 'POST', path: '/', body: 'x'.repeat(MIB + 1) })
      .catch(error => error)
    // Over HTTP/1.1 the connection may close before the client has sent all and looked.
    expect(refused.status ?? refused.code).toBeOneOf([413, 'gateway_unavailable'])
    const again = await peer.request({ method: 'POST', path: '/', body: 'x' })
    expect(again.body.toString()).toBe('1')
  })

  test('a listener that throws is a 500 without its words', async () => {
    listener = async () => {
      throw new Error('the password is hunter2')
    }
    const answer = await peer.request({ method: 'GET', path: '/' })
    expect(answer.status).toBe(500)
    expect(answer.body.toString()).not.toContain('hunter2')
  })

  test('an answer that breaks off is an error, not a short answer', async () => {
    listener = async () =>
      new Response(
        new ReadableStream({
          start: controller => controller.enqueue(Buffer.from('half an ans')),
          pull: controller => controller.error(new Error('the store went away')),
        }),
      )
    await expect(peer.request({ method: 'GET', path: '/' })).rejects.toMatchObject({
      code: 'gateway_unavailable',
    })
  })
})

describe('an answer in lines', () => {
  let gateway: Gateway
  let controller: ReadableStreamDefaultController<Uint8Array>
  let cancelled: Promise<unknown>
  let aborted: Promise<void>

  beforeAll(async () => {
    gateway = await startGateway({
      onRequest: async request => {
        aborted = new Promise(resolve => request.signal.addEventListener('abort', () => resolve()))
        let cancel: (reason: unknown) => void = () => undefined
        cancelled = new Promise(resolve => {
          cancel = resolve
        })
        return new Response(
          new ReadableStream<Uint8Array>({
            start: made => {
              controller = made
            },
            cancel: reason => cancel(reason),
          }),
        )
      },
    })
  })
  afterAll(() => gateway.close())

  test.each(['h2', 'http/1.1'])(
    'comes line by line over %s, and stops when the client has gone',
    async protocol => {
      const lines = protocol === 'h2' ? await openHttp2(gateway) : await openHttp1(gateway)
      controller.enqueue(Buffer.from('{"kind":"attached"}\n'))
      expect(await lines.next()).toBe('{"kind":"attached"}\n')
      controller.enqueue(Buffer.from('{"kind":"notice"}\n'))
      expect(await lines.next()).toBe('{"kind":"notice"}\n')
      lines.leave()
      await Promise.all([cancelled, aborted])
    },
  )
})

interface Lines {
  next(): Promise<string>
  leave(): void
}

async function openHttp2(gateway: Gateway): Promise<Lines> {
  const { connect: connectHttp2 } = await import('node:http2')
  const session = connectHttp2(gateway.url, { ca: gateway.certificates.ca })
  const stream = session.request({ ':path': '/' })
  stream.on('error', () => undefined)
  await new Promise(resolve => stream.once('response', resolve))
  return {
    next: () => new Promise(resolve => stream.once('data', chunk => resolve(String(chunk)))),
    leave: () => session.destroy(),
  }
}

function openHttp1(gateway: Gateway): Promise<Lines> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(gateway.url, { ca: gateway.certificates.ca, agent: false }, response => {
      resolve({
        next: () => new Promise(done => response.once('data', chunk => done(String(chunk)))),
        leave: () => request.destroy(),
      })
      response.on('error', () => undefined)
    })
    request.on('error', reject)
    request.end()
  })
}

describe('requests that are not as they should be', () => {
  let gateway: Gateway
  const asked: string[] = []

  beforeAll(async () => {
    gateway = await startGateway({
      onRequest: async request => {
        asked.push(request.url)
        return new Response('asked')
      },
    })
  })
  afterAll(() => gateway.close())

  async function check(head: string, status: string): Promise<void> {
    const before = asked.length
    const answer = await raw(gateway, `${head}\r\n\r\n`)
    expect(answer.split('\r\n', 1)[0]).toContain(status)
    expect(asked.length - before).toBe(status === '200' ? 1 : 0)
  }

  test('are answered with 400, 405 or 431 and reach nobody', async () => {
    const close = 'Connection: close'
    await check(`GET /ok HTTP/1.1\r\nHost: localhost\r\n${close}`, '200')
    await check(`GET https://elsewhere/ HTTP/1.1\r\nHost: localhost\r\n${close}`, '400')
    await check(`GET /ok HTTP/1.1\r\nHost: user@localhost\r\n${close}`, '400')
    await check(`GET /ok HTTP/1.1\r\nHost: localhost/evil\r\n${close}`, '400')
    await check(`GET /ok HTTP/1.1\r\n${close}`, '400')
    await check(`TRACE /ok HTTP/1.1\r\nHost: localhost\r\n${close}`, '405')
    await check(`GET /ok HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n${close}`, '431')
    await check(`GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nX: y`, '403')
  })

  test('a WebSocket that a page in a browser opens is refused', async () => {
    const head = [
      'GET /v1/agents/connect HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Origin: https://evil.example',
    ]
    expect((await raw(gateway, `${head.join('\r\n')}\r\n\r\n`)).split('\r\n', 1)[0]).toContain('403')
  })
})

function raw(gateway: Gateway, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { ca } = gateway.certificates
    const socket = connect({ host: 'localhost', port: gateway.server.port, ca, ALPNProtocols: ['http/1.1'] })
    let answer = ''
    socket.on('data', chunk => {
      answer += String(chunk)
    })
    socket.once('close', () => resolve(answer))
    socket.once('error', reject)
    socket.write(text)
  })
}

describe('a request that waits for its answer', () => {
  /** Sends a request; answers the way to be gone. */
  const clients = {
    'HTTP/2': ({ url, certificates: { ca } }: Gateway) => {
      const session = connectHttp2(url, { ca })
      session.on('error', () => undefined)
      const stream = session.request({ ':method': 'POST', ':path': '/' })
      stream.on('error', () => undefined)
      stream.end('x')
      return {
        reset: () => stream.close(constants.NGHTTP2_CANCEL),
        disconnect: () => session.destroy(),
      }
    },
    'HTTP/1.1': ({ url, certificates: { ca } }: Gateway) => {
      const request = httpsRequest(url, { ca, method: 'POST', agent: false })
      request.on('error', () => undefined)
      request.end('x')
      return { reset: () => request.destroy(), disconnect: () => request.destroy() }
    },
  }

  test.each([
    ['HTTP/2', 'reset'],
    ['HTTP/2', 'disconnect'],
    ['HTTP/1.1', 'disconnect'],
  ] as const)('is told over %s when its client has gone by %s, and not before', async (version, way) => {
    let arrived: (signal: AbortSignal) => void = () => undefined
    const signals = new Promise<AbortSignal>(resolve => {
      arrived = resolve
    })
    const gateway = await startGateway({
      onRequest: async request => {
        await request.text()
        arrived(request.signal)
        await new Promise(resolve => request.signal.addEventListener('abort', resolve))
        return new Response('for nobody')
      },
    })
    const client = clients[version](gateway)
    const signal = await signals
    // A turn of everything that was under way: the end of the request's body is not the client's end.
    await new Promise(resolve => setImmediate(resolve))
    expect(signal.aborted).toBe(false)
    client[way]()
    await expect.poll(() => signal.aborted).toBe(true)
    client.disconnect()
    await gateway.close()
  })
})
