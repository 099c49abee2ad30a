import { z } from 'zod'
import { type AgentName, readAgentName } from '../../domain/names.js'
import { HoopError } from '../../lib/hoop-error.js'
import { type AgentConnection, AUTHENTICATE_PATH, AUTHENTICATED_PATH } from '../../tunnel/agent-connection.js'
import { type AuthenticatedNotice, readAgentKey, verifyProof } from '../../tunnel/agent-proof.js'
import type { TunnelPeer } from '../../tunnel/stream-request.js'

const NONCE_BYTES = 32
const answerShape = z.object({ name: z.string().max(63), signature: z.string().max(128) })

/** An agent that proved to hold its key, on this connection. */
export interface AuthenticatedAgent {
  readonly name: AgentName
  readonly publicKey: string
}

/**
 * Asks whoever is at the other end to prove that it is an agent, and says how that went. The proof is for this TLS
 * connection: a signature relayed from another one does not fit. Fails with `unauthorized`.
 */
export async function authenticateAgent(
  peer: TunnelPeer,
  connection: AgentConnection,
  options: {
    readonly findKey: (name: AgentName) => Promise<string | undefined>
    readonly randomBytes: (length: number) => Buffer
  },
): Promise<AuthenticatedAgent> {
  const nonce = options.randomBytes(NONCE_BYTES).toString('base64url')
  const keyingMaterial = connection.exportKeyingMaterial()
  const answer = await peer.request({
    method: 'POST',
    path: AUTHENTICATE_PATH,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ nonce }),
  })
  const claim = answer.status === 200 ? readClaim(answer.body) : undefined
  const name = claim === undefined ? undefined : readAgentName(claim.name)
  const publicKey = name === undefined ? undefined : await options.findKey(name)
  const key = publicKey === undefined ? undefined : readAgentKey(publicKey)
  // Unknown and wrong are told apart in the gateway's log only.
  if (claim === undefined || name === undefined || publicKey === undefined || key === undefined) {
    return refuse(
      peer,
      new HoopError('unauthorized', `Cannot take the agent: "${name ?? 'no name'}" is not enrolled`),
    )
  }
  if (!verifyProof({ name, nonce, keyingMaterial }, claim.signature, key)) {
    return refuse(
      peer,
      new HoopError('unauthorized', `Cannot take the agent: the signature is not that of "${name}"`),
    )
  }
  await notify(peer, { result: 'accepted' })
  return { name, publicKey }
}

async function refuse(peer: TunnelPeer, error: HoopError): Promise<never> {
  const message = 'Cannot connect: the gateway does not know this agent, or its key'
  await notify(peer, { result: 'refused', message }).catch(() => undefined)
  throw error
}

async function notify(peer: TunnelPeer, notice: AuthenticatedNotice): Promise<void> {
  await peer.request({
    method: 'POST',
    path: AUTHENTICATED_PATH,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(notice),
  })
}

function readClaim(body: Buffer): z.infer<typeof answerShape> | undefined {
  try {
    return answerShape.parse(JSON.parse(body.toString('utf8')))
  } catch {
    return undefined
  }
}
