import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { HoopError } from '../lib/hoop-error.js'
import { relay } from '../tunnel/relay.js'

/** Client connections at once; a GUI opens eight. */
const CONNECTIONS_MAX = 128

export interface LoopbackOptions {
  readonly ports: readonly number[]
  /** Opens the stream through the gateway for one client connection. */
  readonly openStream: () => Promise<Duplex>
  /** A client connection could not be served. */
  readonly onFailure: (error: unknown) => void
}

/** A listener on 127.0.0.1 whose connections go through the gateway. INVARIANT 7: the gateway demands the session's secret. */
export interface LoopbackListener {
  readonly port: number
  close(): void
}

/** Listens on the first port that is free. Fails with `conflict` when none is. */
export async function listenOnLoopback(options: LoopbackOptions): Promise<LoopbackListener> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: true }, socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, options)
  })
  server.maxConnections = CONNECTIONS_MAX
  const port = await listenOnFirstFree(server, options.ports)
  return {
    port,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function listenOnFirstFree(server: Server, ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    const listening = await new Promise<boolean>((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => {
        if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
        else reject(error)
      }
      server.once('error', onError)
      server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
        server.off('error', onError)
        resolve(true)
      })
    })
    const address = server.address()
    if (listening && address !== null && typeof address === 'object') return address.port
  }
  throw new HoopError('conflict', `Cannot listen on port ${ports[0]}: it is taken`, {
    hint: 'leave --port out to use a free one',
  })
}

function serve(socket: Socket, { openStream, onFailure }: LoopbackOptions): void {
  socket.on('error', () => {})
  openStream().then(
    stream => {
      if (socket.destroyed) stream.destroy()
      else void relay(socket, stream)
    },
    error => {
      socket.destroy()
      onFailure(error)
    },
  )
}
