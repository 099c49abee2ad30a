import { Command } from 'commander'
import { type Logger, pino } from 'pino'
import type { ConfigProblem } from '../config/problem.js'
import { describeError, HoopError } from '../lib/hoop-error.js'
import { readVersion } from './version.js'

/** Exit codes of sysexits.h. */
const EXIT_CONFIGURATION = 78
const EXIT_UNAVAILABLE = 69
const EXIT_INTERNAL = 70

/** `hoopd`: the gateway, the agent, and the check of their configuration. */
export async function runHoopd(argv: readonly string[]): Promise<void> {
  const program = new Command('hoopd')
    .description('The daemons of Hoop: the gateway at the edge and the agent beside a target.')
    .version(readVersion())
  program
    .command('gateway')
    .description(
      'Run the gateway. SIGHUP reads the configuration again, SIGTERM ends every session and stops.',
    )
    .requiredOption('-c, --config <file>', 'the configuration', '/etc/hoop/hoop.yaml')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(options => runGateway(options))
  program
    .command('agent')
    .description('Run an agent: dial the gateway, and from then on open what its own configuration allows.')
    .requiredOption('-c, --config <file>', 'the configuration', '/etc/hoop/agent.yaml')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(options => runAgentDaemon(options))
  program
    .command('check')
    .description('Check a gateway configuration and say what is wrong, with its line.')
    .argument('[file]', 'the configuration', '/etc/hoop/hoop.yaml')
    .action(file => checkConfiguration(file))
  try {
    await program.parseAsync([...argv])
  } catch (error) {
    fail(error)
  }
}

interface DaemonOptions {
  readonly config: string
  readonly logLevel: string
}

async function runGateway({ config, logLevel }: DaemonOptions): Promise<void> {
  const log = makeLog(logLevel)
  const { startGateway } = await import('./gateway.js')
  const gateway = await startGateway({ file: config, log })
  process.on('SIGHUP', () => gateway.reload())
  await stopSignal()
  log.info({}, 'the gateway is shutting down')
  await gateway.close()
}

async function runAgentDaemon({ config, logLevel }: DaemonOptions): Promise<void> {
  const log = makeLog(logLevel)
  const { startAgent } = await import('./agent.js')
  const stop = new AbortController()
  const running = startAgent({ file: config, log, signal: stop.signal })
  void stopSignal().then(() => stop.abort())
  await running
}

async function checkConfiguration(file: string): Promise<void> {
  const { loadConfig } = await import('../config/load-config.js')
  const { renderProblem } = await import('../config/problem.js')
  const warn = (problem: ConfigProblem): void =>
    void process.stderr.write(`hoopd: ${renderProblem(problem)}\n`)
  const { connections, access, statements } = loadConfig(file, { warn })
  const counts = `${connections.length} connections, ${access.length} access rules, ${statements.length} statement rules`
  process.stdout.write(`${file} is good: ${counts}\n`)
}

function makeLog(level: string): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  )
}

/** The first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
}

function fail(error: unknown): void {
  if (error instanceof HoopError) {
    process.stderr.write(`hoopd: ${error.message}\n`)
    if (error.hint !== undefined) process.stderr.write(`       try: ${error.hint}\n`)
    process.exitCode = error.code === 'configuration' ? EXIT_CONFIGURATION : EXIT_UNAVAILABLE
    return
  }
  process.stderr.write(`hoopd: stopped by a fault: ${describeError(error)}\n`)
  process.exitCode = EXIT_INTERNAL
}
