import { Command, CommanderError, Option } from 'commander'
import { type Logger, pino } from 'pino'
import { describeError, HoopError } from '../lib/hoop-error.js'
import type { CheckOptions } from './check.js'
import type { RunningGateway } from './gateway.js'
import { readVersion } from './version.js'

/** Exit codes of sysexits.h. */
const EXIT_USAGE = 64
const EXIT_CONFIGURATION = 78
const EXIT_UNAVAILABLE = 69
const EXIT_INTERNAL = 70

/** `hoopd`: the gateway, the agent, and the check of their configuration. */
export async function runHoopd(argv: readonly string[]): Promise<void> {
  const program = new Command('hoopd')
    .description('The daemons of Hoop: the gateway at the edge and the agent beside a target.')
    .version(readVersion())
    // Handed on to the commands below, which are made after it.
    .exitOverride()
  program
    .command('gateway')
    .description(
      'Run the gateway. SIGHUP reads the configuration again, SIGTERM ends every session and stops.',
    )
    .requiredOption('-c, --config <file>', 'the configuration', '/etc/hoop/hoop.yaml')
    .addOption(logLevelOption())
    .action(options => runGateway(options))
  program
    .command('agent')
    .description('Run an agent: dial the gateway, and from then on open what its own configuration allows.')
    .requiredOption('-c, --config <file>', 'the configuration', '/etc/hoop/agent.yaml')
    .addOption(logLevelOption())
    .action(options => runAgentDaemon(options))
  program
    .command('check')
    .description('Check a gateway configuration and say what is wrong, with its line.')
    .argument('[file]', 'the configuration', '/etc/hoop/hoop.yaml')
    .option('--cases <file>', 'put these cases to the rules, see docs/policy.md; 65 when one fails')
    .option('--json', 'print JSON')
    .action((file, options) => runCheck(file, options))
  try {
    await program.parseAsync([...argv])
  } catch (error) {
    fail(error)
  }
}

function logLevelOption(): Option {
  return new Option('--log-level <level>', 'how much is logged')
    .choices(['debug', 'info', 'warn', 'error'])
    .default('info')
}

interface DaemonOptions {
  readonly config: string
  readonly logLevel: string
}

async function runGateway({ config, logLevel }: DaemonOptions): Promise<void> {
  const log = makeLog(logLevel)
  const { startGateway } = await import('./gateway.js')
  let gateway: RunningGateway | undefined
  // From the first moment: unheard, it would end the process. What has not started reads the newest file anyway.
  process.on('SIGHUP', () => gateway?.reload())
  gateway = await startGateway({ file: config, log })
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

async function runCheck(file: string, options: CheckOptions): Promise<void> {
  const { checkConfiguration } = await import('./check.js')
  process.exitCode = await checkConfiguration(file, options)
}

function makeLog(level: string): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  )
}

/** The first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  const signals = ['SIGTERM', 'SIGINT'] as const
  return new Promise(resolve => {
    const stop = (): void => {
      for (const signal of signals) process.off(signal, stop)
      resolve()
    }
    for (const signal of signals) process.on(signal, stop)
  })
}

function fail(error: unknown): void {
  if (error instanceof CommanderError) {
    // It has said what is wrong by itself; asking for help or the version is no failure.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE
    return
  }
  if (error instanceof HoopError) {
    process.stderr.write(`hoopd: ${error.message}\n`)
    // Whoever starts a daemon is whom the cause is for: it never holds a secret.
    if (error.cause !== undefined) process.stderr.write(`       because: ${describeError(error.cause)}\n`)
    if (error.hint !== undefined) process.stderr.write(`       try: ${error.hint}\n`)
    process.exitCode = error.code === 'configuration' ? EXIT_CONFIGURATION : EXIT_UNAVAILABLE
    return
  }
  process.stderr.write(`hoopd: stopped by a fault: ${describeError(error)}\n`)
  process.exitCode = EXIT_INTERNAL
}
