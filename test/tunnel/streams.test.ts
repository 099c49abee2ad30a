import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HoopError } from '../../src/lib/hoop-error.js'
import type { StreamRequest, TunnelPeer } from '../../src/tunnel/stream-request.js'
import { echo, type Gateway, readAll, startGateway, TRANSPORTS } from './gateway-fixture.js'

const MIB = 1024 * 1024

describe.each(TRANSPORTS)('streams over transport %s', transport => {
  let gateway: Gateway
  let peer: TunnelPeer
  let takeStream: (request: StreamRequest) => void = echo

  beforeAll(async () => {
    gateway = await startGateway({ onStream: request => takeStream(request) })
    peer = await gateway.dial({ transport })
  })
  afterAll(() => gateway.close())

  /** Opens a stream and gives both ends of it. */
  async function pair(): Promise<{ near: Duplex; far: Duplex }> {
    const opened = new Promise<Duplex>(resolve => {
      takeStream = request => resolve(request.accept())
    })
    const near = await peer.open('/pair', {})
    takeStream = echo
    return { near, far: await opened }
  }

  test('bytes come back as they were sent', async () => {
    const stream = await peer.open('/echo', {})
    stream.end('SELECT 1')
    expect((await readAll(stream)).toString()).toBe('SELECT 1')
  })

  test('64 MiB pass both ways at once, unchanged', async () => {
    const stream = await peer.open('/echo', {})
    const block = randomBytes(MIB)
    const sent = createHash('sha256')
    const received = createHash('sha256')
    const source = Readable.from(
      (function* () {
        for (let count = 0; count < 64; count += 1) {
          sent.update(block)
          yield block
        }
      })(),
    )
    source.pipe(stream)
    for await (const chunk of stream) received.update(chunk)
    expect(received.digest('hex')).toBe(sent.digest('hex'))
  })

  test('50 streams at once keep their bytes apart', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, number) => {
        const stream = await peer.open('/echo', {})
        stream.end(Buffer.alloc(100_000, number))
        return readAll(stream)
      }),
    )
    const wrong = answers.filter((bytes, number) => !bytes.equals(Buffer.alloc(100_000, number)))
    expect(wrong).toHaveLength(0)
  })

  test('the end of what the client says leaves the other direction open', async () => {
    const { near, far } = await pair()
    near.end('question')
    expect((await readAll(far)).toString()).toBe('question')
    far.write('answer ')
    far.end('in two')
    expect((await readAll(near)).toString()).toBe('answer in two')
  })

  test('the end of what the gateway says leaves the other direction open', async () => {
    const { near, far } = await pair()
    far.end('hello')
    expect((await readAll(near)).toString()).toBe('hello')
    near.write('still ')
    near.end('here')
    expect((await readAll(far)).toString()).toBe('still here')
  })

  test('a sender stops while nobody reads, and goes on when somebody does', async () => {
    const { near, far } = await pair()
    // A reader that takes a little and then stops, as a person does who looks at the first page.
    near.write('x')
    await once(far, 'readable')
    far.read()
    const block = Buffer.alloc(64 * 1024)
    let written = 0
    while (written < 256 * MIB && (near.write(block) || (await drainedSoon(near)))) written += block.length
    // The windows, the buffers of both streams and those of the kernel; not the 256 MiB.
    expect(written).toBeLessThan(24 * MIB)
    near.end()
    let read = 0
    for await (const chunk of far) read += chunk.length
    expect(read).toBe(written + block.length)
  })

  test.each(['client', 'gateway'])(
    'when the %s destroys a stream, the other side sees an error',
    async side => {
      const { near, far } = await pair()
      const [first, second] = side === 'client' ? [near, far] : [far, near]
      first.write('half an ans')
      second.resume()
      let ended = false
      second.once('end', () => {
        ended = true
      })
      const failed = once(second, 'error')
      await nextTurn()
      first.destroy()
      const [error] = await failed
      expect(error).toBeInstanceOf(HoopError)
      expect(ended).toBe(false)
    },
  )

  test('what was said before a clean end arrives also when the speaker then goes away', async () => {
    const { near, far } = await pair()
    far.end('FATAL: the session ended')
    await once(far, 'finish')
    far.destroy()
    expect((await readAll(near)).toString()).toBe('FATAL: the session ended')
  })

  test('a refusal comes as the error that the gateway meant', async () => {
    const error = await peer.open('/refused', {}).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'forbidden',
      message: 'Cannot open it: not for you',
      hint: 'hoop login',
    })
  })

  test('what the gateway says at once is not lost', async () => {
    takeStream = request => request.accept().end('220 ready')
    const streams = await Promise.all(Array.from({ length: 20 }, () => peer.open('/greeting', {})))
    const greetings = await Promise.all(streams.map(readAll))
    expect(greetings.map(String)).toEqual(Array.from({ length: 20 }, () => '220 ready'))
    for (const stream of streams) stream.destroy()
    takeStream = echo
  })

  test('headers arrive', async () => {
    takeStream = request => {
      const stream = request.accept()
      stream.end(`${request.path} ${request.headers.authorization} ${request.address}`)
      stream.resume()
    }
    const stream = await peer.open('/v1/x?y=1', { authorization: 'Bearer t' })
    expect((await readAll(stream)).toString()).toBe('/v1/x?y=1 Bearer t 127.0.0.1')
    stream.end()
    takeStream = echo
  })
})

/** True when the stream drains while the other side may still be taking bytes. */
async function drainedSoon(stream: Duplex): Promise<boolean> {
  let drained = false
  stream.once('drain', () => {
    drained = true
  })
  // Turns of the loop, not time: everything is in this process, so all that can move has moved.
  for (let turn = 0; turn < 2_000 && !drained; turn += 1) await nextTurn()
  return drained
}
