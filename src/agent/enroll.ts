import { createHash } from 'node:crypto'
import { HoopError } from '../lib/hoop-error.js'
import { dialGateway, type GatewayOptions } from '../tunnel/dial.js'
import type { Log } from '../tunnel/log.js'
import { readRefusal } from '../tunnel/refusal.js'
import { type AgentKey, hasEnrolled, rememberEnrollment } from './agent-key.js'

/** Who enrols, and with what. */
export interface EnrollOptions {
  readonly name: string
  readonly token: string
  readonly key: AgentKey
  readonly dataDirectory: string
  readonly gateway: GatewayOptions
  readonly log: Log
}

/**
 * Exchanges the enrolment token for the gateway's trust in the agent's key, once for each token. The key is on disk
 * before the token is spent, so an agent that dies in between still has what it enrolled: a token that turns out to be
 * used is therefore no failure here; whether the key is known shows when the agent proves itself. Fails with
 * `gateway_unavailable`, or with `forbidden` when the gateway does not know the name or the token.
 */
export async function enrollOnce(options: EnrollOptions): Promise<void> {
  const { name, token, key, dataDirectory, log } = options
  const enrollment = createHash('sha256')
    .update(JSON.stringify([name, token, key.publicKey]))
    .digest('hex')
  if (await hasEnrolled(dataDirectory, enrollment)) return
  const peer = await dialGateway(options.gateway)
  try {
    const answer = await peer.request({
      method: 'POST',
      path: '/v1/agents/enroll',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, token, publicKey: key.publicKey }),
    })
    if (answer.status >= 300) throw readRefusal(answer.status, answer.body, 'gateway_refused')
    log.info({ agent: name }, 'the agent is enrolled')
  } catch (error) {
    if (!(error instanceof HoopError) || error.code !== 'conflict') throw error
    log.warn({ agent: name }, 'the enrolment token was used before: going on with the key that is here')
  } finally {
    peer.close()
  }
  await rememberEnrollment(dataDirectory, enrollment)
}
