import { randomBytes } from 'node:crypto'
import type { GrantRequest, GrantView } from '../domain/api.js'
import { type ProtocolName, readProtocolName } from '../domain/connection.js'
import { HoopError } from '../lib/hoop-error.js'
import type { LaunchPlan } from '../protocols/launcher.js'
import { launcherFor } from '../protocols/launchers.js'
import type { Gateway } from './gateway.js'
import { GatewayApi } from './gateway-api.js'
import { findLiveGrant } from './live-grant.js'
import { listenOnLoopback } from './loopback-listener.js'
import { portsToTry } from './loopback-port.js'
import { type ObtainOptions, obtainGrant } from './obtain-grant.js'
import { makePrivateDirectory } from './private-directory.js'
import { quoteArgument } from './quote-argument.js'
import { type SessionEnd, SessionLink } from './session-link.js'
import type { Environment } from './settings.js'
import { SteadyGateway } from './steady-gateway.js'

export interface ConnectOptions {
  readonly connection: string
  readonly role?: string
  readonly reason?: string
  readonly durationSeconds?: number
  readonly database?: string
  /** Claims the grant that this review approved, or waits for it. */
  readonly review?: string
  /** Uses this grant, and leaves it when the session ends. */
  readonly grant?: string
  /** Uses the right to break the glass. */
  readonly breakGlass?: boolean
  /** Waits where people have to agree first. */
  readonly wait: boolean
  /** Exactly this port, or none. */
  readonly port?: number
  readonly env: Environment
  readonly user: string
  readonly tell: (message: string, hint?: string) => void
  readonly liveLine: ObtainOptions['liveLine']
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

/**
 * Asks for a grant, opens a session on it, and listens on the loopback. What was begun is undone on failure, and when
 * `stopped` aborts while people are asked.
 */
export async function openConnection(
  gateway: Gateway,
  options: ConnectOptions,
  stopped: AbortSignal,
): Promise<OpenConnection> {
  const { connection, tell } = options
  const steady = new SteadyGateway(gateway)
  const grant = await takeGrant(steady, options, stopped)
  const launcher = launcherFor(readProtocol(grant))
  const { secret, verifier } = launcher.makeSecret(randomBytes)
  const { dial, accessToken } = gateway
  // Nothing is left behind of a grant that was asked for this session alone.
  const ours = options.grant === undefined ? grant.id : undefined
  const renewal = renewalOf(options, grant)
  const opening = async () =>
    SessionLink.open({ grant, verifier, peer: await steady.peer(), dial, accessToken, tell, renewal, now })
  const { link, session } = await opening().catch(async error => {
    if (ours !== undefined) await giveBack(gateway, grant)
    throw error
  })
  const undo: (() => unknown)[] = [() => link.close(ours)]
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

const now = (): Date => new Date()

/** The grant that is named, or one that is asked for, which may take people. */
async function takeGrant(
  gateway: SteadyGateway,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<GrantView> {
  const { connection, role, reason, durationSeconds, review, breakGlass, tell, liveLine } = options
  if (options.grant !== undefined) return findLiveGrant(gateway, { connection, id: options.grant })
  const request: GrantRequest = {
    connection,
    ...(role === undefined ? {} : { role }),
    ...(reason === undefined ? {} : { reason }),
    ...(durationSeconds === undefined ? {} : { durationSeconds }),
    ...(review === undefined ? {} : { review }),
    ...(breakGlass ? { breakGlass } : {}),
  }
  const wait = options.wait ? 'until-answered' : 'no'
  return obtainGrant({ gateway, request, wait, signal, tell, liveLine, now })
}

/** What to type for a grant like this one. */
function renewalOf({ reason, breakGlass }: ConnectOptions, grant: GrantView): string {
  const why = reason ?? grant.reason
  return [
    ...['hoop', 'connect', grant.connection, '--role', grant.role],
    ...(why === undefined ? [] : ['--reason', quoteArgument(why)]),
    ...(breakGlass ? ['--break-glass'] : []),
  ].join(' ')
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
