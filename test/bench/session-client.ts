import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { openGateway } from '../../src/client/gateway.js'
import { GatewayApi } from '../../src/client/gateway-api.js'
import { readSettings } from '../../src/client/settings.js'
import type { LoopbackVerifier } from '../../src/domain/session.js'
import { launcherFor } from '../../src/protocols/launchers.js'
import type { DerivedKeyCache } from '../../src/protocols/protocol.js'
import type { TunnelPeer } from '../../src/tunnel/stream-request.js'
import { ADA, type HoopStack } from '../setup/hoop-stack.js'
import { signIn } from './raw-client.js'

/** A session that is open, with the stream that holds it. */
export interface OpenSession {
  /** A client connection of it, signed in. */
  connect(): Promise<Duplex>
  close(): Promise<void>
}

/** Opens sessions as the CLI does, many of them over a few TLS connections. */
export interface SessionClient {
  open(connection: string): Promise<OpenSession>
  close(): void
}

/** Signs in with what `hoop login` left, and opens this many TLS connections. */
export async function makeSessionClient(stack: HoopStack, tlsConnections: number): Promise<SessionClient> {
  const env = stack.env(ADA)
  const gateway = await openGateway({ env, settings: await readSettings(env), tell: () => {} })
  const token = await gateway.accessToken(gateway.peer)
  const peers = [gateway.peer]
  while (peers.length < tlsConnections) peers.push(await gateway.dial())
  // One secret for all: its keys are derived once, so that the client costs little beside the gateway.
  const loopback = launcherFor('postgres').makeSecret(randomBytes)
  const derivedKeys = makeKeyCache()
  let turn = 0
  return {
    open: connection => {
      turn += 1
      const peer = peers[turn % peers.length] ?? gateway.peer
      return openSession({ peer, token, connection, derivedKeys, ...loopback })
    },
    close: () => {
      for (const peer of peers) peer.close()
    },
  }
}

interface Opening {
  readonly peer: TunnelPeer
  readonly token: string
  readonly connection: string
  readonly secret: string
  readonly verifier: LoopbackVerifier
  readonly derivedKeys: DerivedKeyCache
}

async function openSession(opening: Opening): Promise<OpenSession> {
  const { peer, token, connection, secret, verifier, derivedKeys } = opening
  const api = new GatewayApi(peer, token)
  const answer = await api.requestGrant({ connection })
  if (answer.kind === 'asked') throw new Error('the bench is not set up to ask people')
  const { grant } = answer
  const session = await api.openSession({ grant: grant.id, verifier })
  const headers = { authorization: `Bearer ${session.token}` }
  const control = await peer.open(`/v1/sessions/${session.id}/control`, headers)
  control.resume()
  return {
    connect: async () => {
      const stream = await peer.open(`/v1/sessions/${session.id}/stream`, headers)
      stream.on('error', () => {})
      await signIn(stream, { user: grant.role, password: secret, database: session.database, derivedKeys })
      return stream
    },
    close: async () => {
      await api.endSession(session.id)
      await api.revokeGrant(grant.id)
      control.destroy()
    },
  }
}

function makeKeyCache(): DerivedKeyCache {
  const keys = new Map<string, Buffer>()
  return { recall: digest => keys.get(digest), keep: (digest, key) => void keys.set(digest, key) }
}
