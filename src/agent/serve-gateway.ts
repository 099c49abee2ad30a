import type { KeyObject } from 'node:crypto'
import type { Socket } from 'node:net'
import { describeError } from '../lib/hoop-error.js'
import {
  AUTHENTICATE_PATH,
  AUTHENTICATED_PATH,
  DIAL_PATH,
  TARGET_HEADER,
} from '../tunnel/agent-connection.js'
import { signProof } from '../tunnel/agent-proof.js'
import { readBody } from '../tunnel/body.js'
import type { HttpExchange } from '../tunnel/http-exchange.js'
import type { Log } from '../tunnel/log.js'
import { writeRefusal } from '../tunnel/refusal.js'
import { relay } from '../tunnel/relay.js'
import type { ReverseService } from '../tunnel/reverse.js'
import type { StreamRequest } from '../tunnel/stream-request.js'
import { dialTarget, type TargetDialOptions } from './dial-target.js'

/** What an agent answers with. */
export interface AgentServiceOptions {
  readonly name: string
  readonly privateKey: KeyObject
  readonly dial: TargetDialOptions
  readonly log: Log
  /** The gateway said how the proof went. */
  readonly onVerdict: (accepted: boolean) => void
}

const BODY_BYTES_MAX = 4 * 1024

/** What the gateway may ask of an agent: to prove itself, and to open an address. */
export function makeAgentService(options: AgentServiceOptions): ReverseService {
  return {
    onStream: request => void openTarget(request, options),
    onExchange: (exchange, keyingMaterial) => {
      answer(exchange, keyingMaterial, options).catch((error: unknown) => {
        options.log.warn({ reason: describeError(error) }, 'a question of the gateway could not be answered')
        exchange.cut()
      })
    },
  }
}

async function openTarget(request: StreamRequest, { dial, log }: AgentServiceOptions): Promise<void> {
  if (request.path !== DIAL_PATH) return request.refuse(404, writeRefusal(undefined))
  const target = request.headers[TARGET_HEADER]
  let socket: Socket
  try {
    socket = await dialTarget(typeof target === 'string' ? target : undefined, dial)
  } catch (error) {
    log.warn({ target, reason: describeError(error) }, 'a target was not opened')
    return request.refuse(502, writeRefusal(error))
  }
  log.debug({ target }, 'a target was opened')
  await relay(request.accept(), socket)
}

async function answer(
  exchange: HttpExchange,
  keyingMaterial: Buffer,
  { name, privateKey, log, onVerdict }: AgentServiceOptions,
): Promise<void> {
  const body = exchange.method === 'POST' ? parse(await readBody(exchange.body, BODY_BYTES_MAX)) : {}
  if (exchange.path === AUTHENTICATE_PATH && typeof body.nonce === 'string') {
    const signature = signProof({ name, nonce: body.nonce, keyingMaterial }, privateKey)
    const out = exchange.respond(200, { 'content-type': 'application/json' })
    out.end(JSON.stringify({ name, signature }))
  } else if (exchange.path === AUTHENTICATED_PATH) {
    exchange.respond(204, {}).end()
    if (body.result === 'accepted') log.info({ agent: name }, 'the agent is connected')
    else
      log.error({ agent: name, reason: String(body.message).slice(0, 500) }, 'the gateway refused the agent')
    onVerdict(body.result === 'accepted')
  } else exchange.respond(404, {}).end()
}

function parse(body: Buffer): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(body.toString('utf8'))
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
