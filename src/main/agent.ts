import { randomBytes } from 'node:crypto'
import { runAgent } from '../agent/run-agent.js'
import { loadAgentConfig } from '../config/load-config.js'
import type { Log } from '../tunnel/log.js'

export interface AgentOptions {
  readonly file: string
  readonly log: Log
  /** Aborted when the agent is to stop. */
  readonly signal: AbortSignal
}

/** Puts an agent together from its configuration file and runs it until it is told to stop. */
export async function startAgent({ file, log, signal }: AgentOptions): Promise<void> {
  const config = loadAgentConfig(file)
  await runAgent({ config, clock: () => new Date(), randomBytes, log, signal })
}
