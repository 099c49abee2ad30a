import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { dialGateway, type GatewayOptions } from '../../src/tunnel/dial.js'
import { SILENT_LOG } from '../../src/tunnel/log.js'
import { createTunnelServer, type TunnelServer, type TunnelServerOptions } from '../../src/tunnel/server.js'
import type { StreamRequest, TunnelPeer } from '../../src/tunnel/stream-request.js'
import { type Certificates, makeCertificates } from '../setup/certificates.js'

/** A tunnel server on a free port, with what is needed to reach it. */
export interface Gateway {
  readonly server: TunnelServer
  readonly url: string
  readonly certificates: Certificates
  dial(options?: Partial<GatewayOptions>): Promise<TunnelPeer>
  close(): Promise<void>
}

export const TRANSPORTS = ['auto', 'ws'] as const

/** Starts a tunnel server that echoes streams and refuses those at `/refused`, unless told otherwise. */
export async function startGateway(
  options: Partial<TunnelServerOptions> & { readonly hosts?: readonly string[] } = {},
): Promise<Gateway> {
  const directory = mkdtempSync(join(tmpdir(), 'hoop-tunnel-'))
  const { hosts } = options
  const certificates = await makeCertificates(directory, hosts === undefined ? {} : { hosts })
  const server = createTunnelServer({
    cert: certificates.cert,
    key: certificates.key,
    onRequest: async () => new Response('not here', { status: 404 }),
    onStream: echo,
    onAgent: connection => connection.socket.destroy(),
    log: SILENT_LOG,
    ...options,
  })
  await server.listen('127.0.0.1', 0)
  const url = `https://localhost:${server.port}`
  const peers: TunnelPeer[] = []
  return {
    server,
    url,
    certificates,
    dial: async more => {
      const peer = await dialGateway({ url, ca: certificates.ca, env: {}, ...more })
      peers.push(peer)
      return peer
    },
    close: async () => {
      for (const peer of peers) peer.close()
      await server.close(0)
      rmSync(directory, { recursive: true })
    },
  }
}

/** Sends every byte back, and the end after them. */
export function echo(request: StreamRequest): void {
  if (request.path === '/refused') {
    const error = { code: 'forbidden', message: 'Cannot open it: not for you', hint: 'hoop login' }
    request.refuse(403, { error })
  } else {
    const stream = request.accept()
    stream.pipe(stream)
  }
}

/** Everything a stream says until its end. */
export async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  // The plain iterator destroys a stream at its end, also the half that is not read.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) chunks.push(chunk)
  return Buffer.concat(chunks)
}
