import { randomBytes } from 'node:crypto'
import type { GrantView } from '../domain/api.js'
import { type ProtocolName, readProtocolName } from '../domain/connection.js'
import { HoopError } from '../lib/hoop-error.js'
import type { LaunchPlan } from '../protocols/launcher.js'
import { launcherFor } from '../protocols/launchers.js'
import type { Gateway } from './gateway.js'
import { GatewayApi } from './gateway-api.js'
import { listenOnLoopback } from './loopback-listener.js'
import { portsToTry } from './loopback-port.js'
import { makePrivateDirectory } from './private-directory.js'
import { type SessionEnd, SessionLink } from './session-link.js'
import type { Environment } from './settings.js'

export interface ConnectOptions {
  readonly connection: string
  readonly role?: string
  readonly reason?: string
  readonly durationSeconds?: number
  readonly database?: string
  /** Exactly this port, or none. */
  readonly port?: number
  readonly env: Environment
  readonly user: string
  readonly tell: (message: string) => void
}

/** A connection that is open on the loopback: the session behind it, and how its tools are started. */
export interface OpenConnection {
  readonly grant: GrantView
  readonly session: string
  readonly plan: LaunchPlan
  /** Settles when the gateway ended the session for good. */
  readonly ended: Promise<SessionEnd>
  close(): Promise<void>
}

const HOST = '127.0.0.1'

/** Asks for a grant, opens a session on it, and listens on the loopback. What was begun is undone on failure. */
export async function openConnection(gateway: Gateway, options: ConnectOptions): Promise<OpenConnection> {
  const { connection, role, reason, durationSeconds } = options
  const grant = await gateway.api.requestGrant({
    connection,
    ...(role === undefined ? {} : { role }),
    ...(reason === undefined ? {} : { reason }),
    ...(durationSeconds === undefined ? {} : { durationSeconds }),
  })
  const launcher = launcherFor(readProtocol(grant))
  const { secret, verifier } = launcher.makeSecret(randomBytes)
  const { peer, dial, accessToken } = gateway
  const now = () => new Date()
  const opening = SessionLink.open({ grant, verifier, peer, dial, accessToken, tell: options.tell, now })
  const { link, session } = await opening.catch(async error => {
    await giveBack(gateway, grant)
    throw error
  })
  // Nothing is left behind: the grant was asked for this session alone.
  const undo: (() => unknown)[] = [() => link.close(grant.id)]
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const port = await listen({ gateway, options, link, undo })
    const directory = await makePrivateDirectory(options.env)
    undo.push(() => directory.remove())
    const plan = launcher.plan({
      connection,
      host: HOST,
      port,
      user: grant.role,
      database: options.database ?? session.database,
      secret,
      directory: directory.path,
    })
    await directory.write(plan.files)
    return { grant, session: session.id, plan, ended: link.ended, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A grant that no session came of. What could not be opened is what the person is told, whatever comes of this. */
async function giveBack({ dial, accessToken }: Gateway, { id }: GrantView): Promise<void> {
  // The tunnel of the session was closed with it.
  const peer = await dial().catch(() => undefined)
  if (peer === undefined) return
  const revoked = accessToken(peer).then(token => new GatewayApi(peer, token).revokeGrant(id))
  await revoked.catch(() => {})
  peer.close()
}

interface Listening {
  readonly gateway: Gateway
  readonly options: ConnectOptions
  readonly link: SessionLink
  readonly undo: (() => unknown)[]
}

async function listen({ gateway, options, link, undo }: Listening): Promise<number> {
  const { connection, user, tell } = options
  const ports =
    options.port === undefined ? portsToTry(gateway.settings.gateway, connection, user) : [options.port]
  const listener = await listenOnLoopback({
    ports,
    openStream: () => link.openStream(),
    onFailure: error => tell(error instanceof Error ? error.message : String(error)),
  })
  undo.push(() => listener.close())
  return listener.port
}

function readProtocol(grant: GrantView): ProtocolName {
  const protocol = readProtocolName(grant.protocol ?? '')
  if (protocol !== undefined) return protocol
  throw new HoopError(
    'usage',
    `Cannot open "${grant.connection}": this version of hoop does not speak "${grant.protocol}"`,
  )
}
