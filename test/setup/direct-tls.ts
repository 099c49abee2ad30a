import { readFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer } from 'node:tls'
import type { Certificates } from './certificates.js'

/** A server that begins with TLS, as PostgreSQL 17 does and as routers by name do; behind it a server that does not. */
export interface DirectTls {
  readonly port: number
  /** The name that each client asked for, and the protocol that was agreed on. */
  readonly seen: readonly { readonly servername: string; readonly alpn: string }[]
  stop(): Promise<void>
}

/** Starts it in front of a PostgreSQL without TLS. `alpn` false: it never says which protocol it speaks. */
export async function startDirectTls(options: {
  readonly certificates: Pick<Certificates, 'certFile' | 'keyFile'>
  readonly targetPort: number
  readonly alpn?: boolean
}): Promise<DirectTls> {
  const seen: { servername: string; alpn: string }[] = []
  const sockets = new Set<Duplex>()
  const { certFile, keyFile } = options.certificates
  const secrets = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
  const alpn = options.alpn === false ? {} : { ALPNProtocols: ['postgresql'] }
  const server = createServer({ ...secrets, ...alpn }, client => {
    seen.push({ servername: client.servername || '', alpn: client.alpnProtocol || '' })
    const target = connect({ host: '127.0.0.1', port: options.targetPort, noDelay: true })
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
    // What a client said and left still goes on: a cancel request is over before the server behind has answered the call.
    client.once('close', () => target.end())
    target.once('close', () => client.destroy())
    client.pipe(target).pipe(client)
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
