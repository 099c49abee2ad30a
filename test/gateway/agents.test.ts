import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { dialTarget } from '../../src/agent/dial-target.js'
import { makeAgentService } from '../../src/agent/serve-gateway.js'
import { enrollAgent } from '../../src/gateway/agents/enrollment.js'
import { AgentHub } from '../../src/gateway/agents/hub.js'
import { AGENT_PROTOCOL } from '../../src/tunnel/agent-connection.js'
import { readAgentKey, signProof, verifyProof } from '../../src/tunnel/agent-proof.js'
import { SILENT_LOG } from '../../src/tunnel/log.js'
import { dialReverse, type ReverseConnection } from '../../src/tunnel/reverse.js'
import { AGENT, type AgentGateway, startAgentGateway, startTarget } from '../agent/agent-fixture.js'
import { readAll } from '../tunnel/gateway-fixture.js'

let gateway: AgentGateway
let key: KeyObject
const servers: Server[] = []
const connections: ReverseConnection[] = []

beforeEach(async () => {
  gateway = await startAgentGateway({ hosts: ['localhost', 'gateway.test'] })
  key = enrolled()
})
afterEach(async () => {
  await Promise.all(connections.splice(0).map(connection => connection.drain(0)))
  await gateway.close()
  for (const server of servers.splice(0)) server.close()
})

/** Gives the agent a key that the gateway knows. */
function enrolled(): KeyObject {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  gateway.keys.set(AGENT, publicKey.export({ format: 'der', type: 'spki' }).toString('base64'))
  return privateKey
}

interface DialAs {
  readonly name?: string
  readonly privateKey?: KeyObject
  readonly url?: string
  readonly env?: Readonly<Record<string, string>>
  readonly transport?: 'ws'
  readonly port?: number
}

/** Dials as an agent would, and says what the gateway made of it. */
async function dialAs(options: DialAs = {}): Promise<'accepted' | 'refused'> {
  const { name = AGENT, privateKey = key, url = gateway.url, env = {}, transport, port = 1 } = options
  let verdict: ((accepted: boolean) => void) | undefined
  const settled = new Promise<boolean>(resolve => {
    verdict = resolve
  })
  const connection = await dialReverse({
    url,
    ca: gateway.certificates.ca,
    env,
    transport,
    service: makeAgentService({
      name,
      privateKey,
      dial: { allow: [{ host: '127.0.0.1', port }] },
      log: SILENT_LOG,
      onVerdict: accepted => verdict?.(accepted),
    }),
  })
  connections.push(connection)
  const accepted = await Promise.race([settled, connection.closed.then(() => false)])
  if (accepted) await gateway.online()
  return accepted ? 'accepted' : 'refused'
}

async function listen(server: Server): Promise<number> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Ends TLS and opens it again, with a certificate that the agent trusts. */
async function startInterceptor(protocols: string[]): Promise<string> {
  const { cert, key: tlsKey, ca } = gateway.certificates
  const interceptor = createTlsServer(
    { cert, key: tlsKey, ALPNProtocols: protocols },
    (client: TLSSocket) => {
      const target = connectTls({ host: 'localhost', port: gateway.port, ca, ALPNProtocols: protocols })
      target.on('error', () => client.destroy())
      client.on('error', () => target.destroy())
      client.pipe(target).pipe(client)
    },
  )
  return `https://localhost:${await listen(interceptor)}`
}

test('an agent that holds the key is taken', async () => {
  expect(await dialAs()).toBe('accepted')
  expect(gateway.hub.isOnline(AGENT)).toBe(true)
})

test('an agent with another key, another name or no name is refused', async () => {
  const stranger = generateKeyPairSync('ed25519').privateKey
  expect(await dialAs({ privateKey: stranger })).toBe('refused')
  expect(await dialAs({ name: 'us-east-1' })).toBe('refused')
  expect(await dialAs({ name: '__proto__' })).toBe('refused')
  expect(await dialAs({ name: '' })).toBe('refused')
  expect(gateway.hub.isOnline(AGENT)).toBe(false)
})

test.each([AGENT_PROTOCOL, 'http/1.1'])(
  'a proof that comes through somebody who opens TLS (%s) does not fit',
  async protocol => {
    expect(await dialAs({ url: await startInterceptor([protocol]) })).toBe('refused')
    expect(gateway.hub.isOnline(AGENT)).toBe(false)
  },
)

test('an agent is taken over a WebSocket when TLS reaches the gateway', async () => {
  const target = await startTarget()
  expect(await dialAs({ transport: 'ws', port: target.port })).toBe('accepted')
  const stream = await gateway.hub.openTarget(AGENT, { host: '127.0.0.1', port: target.port })
  stream.end(Buffer.alloc(3_000_000, 1))
  expect((await readAll(stream)).length).toBe(3_000_000)
  target.close()
})

test('an agent is taken through a proxy', async () => {
  const asked: string[] = []
  const proxy = createHttpServer()
  proxy.on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '')
    const upstream = connect(gateway.port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    for (const socket of [client, upstream]) socket.on('error', () => undefined)
  })
  const env = { HTTPS_PROXY: `127.0.0.1:${await listen(proxy)}` }
  expect(await dialAs({ url: `https://gateway.test:${gateway.port}`, env })).toBe('accepted')
  expect(asked).toEqual([`gateway.test:${gateway.port}`])
})

test('a connection that proves nothing in time is ended', async () => {
  const hub = new AgentHub({
    findKey: async () => undefined,
    seen: async () => undefined,
    clock: () => new Date(),
    randomBytes,
    log: SILENT_LOG,
    authenticationTimeoutMs: 100,
  })
  const silent = createTlsServer(gateway.certificates, socket => {
    socket.on('error', () => undefined)
    hub.accept({ socket, address: 'x', exportKeyingMaterial: () => Buffer.alloc(32) })
  })
  const socket = connectTls({ host: 'localhost', port: await listen(silent), ca: gateway.certificates.ca })
  socket.on('error', () => undefined)
  socket.resume()
  await once(socket, 'close')
  hub.close()
})

test('of several connections of one agent the least busy is used, and a dead one is not', async () => {
  const target = await startTarget()
  for (let count = 0; count < 2; count += 1) await dialAs({ port: target.port })
  const open = () => gateway.hub.openTarget(AGENT, { host: '127.0.0.1', port: target.port })
  await Promise.all([open(), open()])
  await connections[0]?.drain(0)
  const stream = await open()
  stream.end('over the other')
  expect((await readAll(stream)).toString()).toBe('over the other')
  target.close()
})

test('who enrolled anew replaces who has the old key', async () => {
  await dialAs()
  const old = connections[0]
  key = enrolled()
  expect(await dialAs()).toBe('accepted')
  await old?.closed
  expect(gateway.hub.isOnline(AGENT)).toBe(true)
})

test('a target that does not answer is given up when the caller gives up', async () => {
  await dialAs()
  const signal = AbortSignal.abort()
  await expect(gateway.hub.openTarget(AGENT, { host: '127.0.0.1', port: 1, signal })).rejects.toMatchObject({
    code: 'target_unavailable',
  })
})

test('a proof is for one name, one nonce and one connection', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const proof = { name: 'a', nonce: 'n', keyingMaterial: Buffer.alloc(32, 1) }
  const signature = signProof(proof, privateKey)
  expect(verifyProof(proof, signature, publicKey)).toBe(true)
  expect(verifyProof({ ...proof, name: 'b' }, signature, publicKey)).toBe(false)
  expect(verifyProof({ ...proof, nonce: 'm' }, signature, publicKey)).toBe(false)
  expect(verifyProof({ ...proof, keyingMaterial: Buffer.alloc(32, 2) }, signature, publicKey)).toBe(false)
  for (const forged of ['', 'AAAA', signature.slice(1), `${signature}AA`]) {
    expect(verifyProof(proof, forged, publicKey)).toBe(false)
  }
})

test('only Ed25519 keys are keys of agents', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  expect(readAgentKey(rsa.export({ format: 'der', type: 'spki' }).toString('base64'))).toBeUndefined()
  expect(readAgentKey('not a key')).toBeUndefined()
})

test('enrolment takes a known name with its token once, and says nothing about which was wrong', async () => {
  const used = new Set<string>()
  const publicKey = gateway.keys.get(AGENT) ?? ''
  const enroll = (name: string, token: string, publicKeyText = publicKey) =>
    enrollAgent(
      { name, token, publicKey: publicKeyText },
      {
        enrollmentTokens: [{ name: AGENT, token: 'right' }],
        useToken: async ({ tokenDigest }) => {
          const before = used.size
          return used.add(tokenDigest).size === before ? 'used' : 'enrolled'
        },
        clock: () => new Date(),
      },
    ).then(
      () => 'enrolled',
      (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
    )
  const refused = 'forbidden: Cannot enrol the agent: the name or the enrolment token is not known'
  expect(await enroll(AGENT, 'wrong')).toBe(refused)
  expect(await enroll('nobody', 'right')).toBe(refused)
  expect(await enroll('nobody', '')).toBe(refused)
  expect(await enroll(AGENT, 'right', 'not a key')).toMatch(/^usage: /)
  expect(await enroll(AGENT, 'right')).toBe('enrolled')
  expect(await enroll(AGENT, 'right')).toMatch(/^conflict: .*has been used$/)
})

test('a name that changes what it leads to is dialled at the address that was checked', async () => {
  const target = await startTarget()
  let asked = 0
  const resolve = async () => {
    asked += 1
    return [{ address: asked === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }]
  }
  const socket = await dialTarget(`db.internal:${target.port}`, {
    allow: [{ host: 'db.internal', port: target.port }],
    resolve,
  })
  expect(socket.remoteAddress).toBe('127.0.0.1')
  expect(asked).toBe(1)
  socket.destroy()
  target.close()
})

test('a name that is not resolved in time is given up', async () => {
  const never = new Promise<never>(() => undefined)
  const dialled = dialTarget('db:1', {
    allow: [{ host: 'db', port: 1 }],
    resolve: () => never,
    timeoutMs: 50,
  })
  await expect(dialled).rejects.toMatchObject({ message: 'Cannot open "db:1": it timed out after 0.05 s' })
})
