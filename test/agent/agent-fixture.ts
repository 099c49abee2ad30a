import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { type RunAgentOptions, runAgent } from '../../src/agent/run-agent.js'
import type { AgentConfig } from '../../src/config/config.js'
import { type AgentName, readAgentName } from '../../src/domain/names.js'
import { enrollAgent } from '../../src/gateway/agents/enrollment.js'
import { AgentHub } from '../../src/gateway/agents/hub.js'
import { HoopError } from '../../src/lib/hoop-error.js'
import { type Log, SILENT_LOG } from '../../src/tunnel/log.js'
import { writeRefusal } from '../../src/tunnel/refusal.js'
import { createTunnelServer, type TunnelServer } from '../../src/tunnel/server.js'
import { type Certificates, makeCertificates } from '../setup/certificates.js'

const enrollmentShape = z.object({ name: z.string(), token: z.string(), publicKey: z.string() })

export const AGENT = agentName('eu-west-1')
export const TOKEN = 'enrol-me-once-0123456789'

/** A gateway as far as agents see it, with keys and used tokens in memory. */
export interface AgentGateway {
  readonly certificates: Certificates
  readonly directory: string
  readonly keys: Map<AgentName, string>
  readonly hub: AgentHub
  readonly url: string
  readonly port: number
  /** Runs an agent until the end of the test, or until its own controller says so. */
  run(options?: Partial<RunAgentOptions> & { readonly agent?: Partial<AgentConfig> }): RunningAgent
  /** Settles when the agent is there. */
  online(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
}

export interface RunningAgent {
  readonly stop: AbortController
  readonly ended: Promise<void>
  readonly lines: string[]
}

export async function startAgentGateway(
  options: { readonly hosts?: readonly string[]; readonly pingIntervalMs?: number } = {},
): Promise<AgentGateway> {
  const directory = mkdtempSync(join(tmpdir(), 'hoop-agent-'))
  const { hosts, pingIntervalMs } = options
  const certificates = await makeCertificates(directory, hosts === undefined ? {} : { hosts })
  const keys = new Map<AgentName, string>()
  const used = new Set<string>()
  const agents: RunningAgent[] = []
  let waiting: (() => void)[] = []
  let hub: AgentHub
  let server: TunnelServer

  const enroll = async (request: Request): Promise<Response> => {
    try {
      const { name, token, publicKey } = enrollmentShape.parse(await request.json())
      await enrollAgent(
        { name, token, publicKey },
        {
          enrollmentTokens: [{ name: AGENT, token: TOKEN }],
          useToken: async ({ name, tokenDigest, publicKey }) => {
            if (used.has(tokenDigest)) return 'used'
            used.add(tokenDigest)
            keys.set(name, publicKey)
            return 'enrolled'
          },
          clock: () => new Date(),
        },
      )
      return new Response(null, { status: 204 })
    } catch (error) {
      return Response.json(writeRefusal(error), { status: error instanceof HoopError ? 403 : 500 })
    }
  }
  const start = async (port: number) => {
    hub = new AgentHub({
      findKey: async name => keys.get(name),
      seen: async () => {
        for (const one of waiting) one()
        waiting = []
      },
      clock: () => new Date(),
      randomBytes,
      log: SILENT_LOG,
      ...(pingIntervalMs === undefined ? {} : { pingIntervalMs }),
    })
    server = createTunnelServer({
      cert: certificates.cert,
      key: certificates.key,
      onRequest: enroll,
      onStream: request => request.refuse(404, {}),
      onAgent: connection => hub.accept(connection),
      log: SILENT_LOG,
    })
    await server.listen('127.0.0.1', port)
  }
  await start(0)
  return {
    certificates,
    directory,
    keys,
    get hub() {
      return hub
    },
    get url() {
      return `https://localhost:${server.port}`
    },
    get port() {
      return server.port
    },
    run: ({ agent, ...more } = {}) => {
      const stop = new AbortController()
      const lines: string[] = []
      const config: AgentConfig = {
        name: AGENT,
        gateway: `https://localhost:${server.port}`,
        caFile: certificates.caFile,
        dataDirectory: join(directory, 'agent'),
        enrollmentToken: { kind: 'literal', value: TOKEN },
        allow: [],
        ...agent,
      }
      const ended = runAgent({
        config,
        clock: () => new Date(),
        randomBytes,
        log: remember(lines),
        signal: stop.signal,
        env: {},
        ...more,
      })
      ended.catch(() => undefined)
      const running = { stop, ended, lines }
      agents.push(running)
      return running
    },
    online: () =>
      new Promise(resolve => {
        if (hub.isOnline(AGENT)) resolve()
        else waiting.push(resolve)
      }),
    restart: async () => {
      const { port } = server
      hub.close()
      await server.close(0)
      await start(port)
    },
    close: async () => {
      for (const agent of agents) agent.stop.abort()
      hub.close()
      await server.close(0)
      await Promise.allSettled(agents.map(agent => agent.ended))
      rmSync(directory, { recursive: true })
    },
  }
}

/** A target that answers every connection as told; echoes unless told otherwise. */
export async function startTarget(
  onConnection: (socket: Socket) => void = socket => socket.pipe(socket),
): Promise<{ readonly port: number; readonly server: Server; close(): void }> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: portOf(server),
    server,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function agentName(text: string): AgentName {
  const name = readAgentName(text)
  if (name === undefined) throw new Error(`${text} is no agent's name`)
  return name
}

function remember(lines: string[]): Log {
  const note = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`)
  return { debug: note, info: note, warn: note, error: note }
}
