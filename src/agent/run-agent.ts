import { readFileSync } from 'node:fs'
import type { AgentConfig } from '../config/config.js'
import { resolveSecret } from '../config/resolve-secret.js'
import type { Clock } from '../domain/clock.js'
import { describeError, HoopError } from '../lib/hoop-error.js'
import type { Log } from '../tunnel/log.js'
import type { Environment } from '../tunnel/proxy-environment.js'
import { dialReverse, type ReverseConnection } from '../tunnel/reverse.js'
import { type AgentKey, hasEnrolled, openAgentKey } from './agent-key.js'
import { backoffMs } from './backoff.js'
import type { TargetDialOptions } from './dial-target.js'
import { enrollOnce } from './enroll.js'
import { makeAgentService } from './serve-gateway.js'

/** What an agent is run with. */
export interface RunAgentOptions {
  readonly config: AgentConfig
  readonly clock: Clock
  readonly randomBytes: (length: number) => Buffer
  readonly log: Log
  /** Ends the agent: streams go on for `DRAIN_MS` at most. */
  readonly signal: AbortSignal
  /** For `HTTPS_PROXY` and its like; the process's own unless given. */
  readonly env?: Environment
  readonly pingIntervalMs?: number
  readonly dial?: Omit<TargetDialOptions, 'allow'>
}

const DRAIN_MS = 30_000

/**
 * Runs an agent until it is told to stop: enrols once, then keeps one connection to the gateway, with growing pauses
 * between attempts. Fails with `configuration` when its key or its token cannot be used; what goes wrong with the
 * gateway is logged and tried again.
 */
export async function runAgent(options: RunAgentOptions): Promise<void> {
  const { config, signal, log } = options
  const key = await openAgentKey(config.dataDirectory)
  let failures = 0
  while (!signal.aborted) {
    try {
      await enroll(options, key)
      // INVARIANT: one attempt at a time. The loop waits for the end of a connection and for nothing else, so that an
      // 'error' and a 'close' of the same connection never start two.
      const accepted = await serveOnce(options, key)
      failures = accepted ? 0 : failures
    } catch (error) {
      if (error instanceof HoopError && error.code === 'configuration') throw error
      log.warn({ gateway: config.gateway, reason: describeError(error) }, 'the gateway cannot be reached')
    }
    failures += 1
    const random = options.randomBytes(4).readUInt32BE() / 2 ** 32
    await pause(backoffMs(failures, random), signal)
  }
}

async function enroll(options: RunAgentOptions, key: AgentKey): Promise<void> {
  const { config, log, signal, env = process.env } = options
  const { name, dataDirectory, enrollmentToken } = config
  if (enrollmentToken === undefined) return
  let token: string
  try {
    token = resolveSecret(enrollmentToken, { env, readFile: path => readFileSync(path, 'utf8') })
  } catch (error) {
    // It has served its time: whoever removed it after the first start was right to.
    if (await hasEnrolled(dataDirectory)) return
    throw error
  }
  const gateway = { url: config.gateway, caFile: config.caFile, env, signal }
  await enrollOnce({ name, token, key, dataDirectory, gateway, log })
}

/** One connection, from dialling to its end. True when the gateway took the agent. */
async function serveOnce(options: RunAgentOptions, key: AgentKey): Promise<boolean> {
  const { config, log, signal } = options
  let accepted = false
  const connection = await dialReverse({
    url: config.gateway,
    caFile: config.caFile,
    env: options.env ?? process.env,
    signal,
    pingIntervalMs: options.pingIntervalMs,
    service: makeAgentService({
      name: config.name,
      privateKey: key.privateKey,
      dial: { ...options.dial, allow: config.allow },
      log,
      onVerdict: verdict => {
        accepted = verdict
      },
    }),
  })
  await untilClosed(connection, signal)
  log.info({ agent: config.name }, 'the agent is disconnected')
  return accepted
}

async function untilClosed(connection: ReverseConnection, signal: AbortSignal): Promise<void> {
  const drain = () => void connection.drain(DRAIN_MS)
  if (signal.aborted) drain()
  signal.addEventListener('abort', drain, { once: true })
  await connection.closed
  signal.removeEventListener('abort', drain)
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(done, milliseconds)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    if (signal.aborted) done()
    else signal.addEventListener('abort', done, { once: true })
  })
}
