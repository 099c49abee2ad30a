import { ADA, EVE, GRACE } from '../setup/hoop-stack.js'
import { Narrator } from './narrator.js'
import { playScenario } from './scenario.js'
import { openStage, type Stage } from './stage.js'

/** 128 + SIGINT. */
const INTERRUPTED = 130
const LOG_LENGTH_MAX = 4_000

/** `npm run demo`: exits 0 only if each step did what it says. */
async function main(flags: readonly string[]): Promise<number> {
  const keep = flags.includes('--keep')
  const unknown = flags.find(flag => flag !== '--keep')
  if (unknown !== undefined) {
    process.stderr.write(`Cannot run the demo: "${unknown}" is not known here, "--keep" is\n`)
    return 64
  }
  const colour = process.stdout.isTTY === true && !process.env.NO_COLOR
  const narrator = new Narrator({ write: text => void process.stdout.write(text), colour })
  const stopped = untilStopped()
  // Nobody watches any more, `| head` or a closed terminal: everything is taken down all the same.
  process.stdout.on('error', () => {})
  narrator.say('starting PostgreSQL with a sample shop, an OpenID provider, a gateway and an agent')
  const stage = await openStage(narrator)
  try {
    const played = await Promise.race([playScenario(stage, narrator).then(() => true), stopped])
    if (played !== true) return INTERRUPTED
    narrator.blank()
    narrator.checked('the demo did what it says')
    if (keep) {
      process.stdout.write(whatToType(stage))
      await stopped
    }
    return 0
  } catch (error) {
    failed(error)
    process.stderr.write(`\nThe gateway's last words:\n${stage.stack.gatewayLog().slice(-LOG_LENGTH_MAX)}\n`)
    return 1
  } finally {
    await stage.close()
  }
}

function failed(error: unknown): number {
  process.stderr.write(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n`)
  return 1
}

/**
 * Resolves at Ctrl-C, and when the terminal is closed. The programs that were started get the signal too; what is left
 * is taken down by the caller.
 */
function untilStopped(): Promise<false> {
  return new Promise(resolve => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => resolve(false))
  })
}

function whatToType({ stack, shop, programs }: Stage): string {
  const { HOOP_GATEWAY, HOOP_CA_FILE } = stack.env(ADA)
  const { server } = shop
  const accounts = [ADA, GRACE, EVE].map(
    ({ email, password, groups }) => `  ${email.padEnd(20)}${password.padEnd(18)}${groups.join(', ')}`,
  )
  return `
Everything stays up until Ctrl-C. In another terminal:

export PATH='${programs}':"$PATH"
export HOOP_GATEWAY='${HOOP_GATEWAY}'
export HOOP_CA_FILE='${HOOP_CA_FILE}'
export HOOP_CONFIG_DIR='${stack.directory}/you'
export HOOP_TOKEN_STORE=file

hoop login                # then open the address it shows, with one of the accounts below
hoop connect shop         # psql, masked; try \\d, \\copy, a cursor, Ctrl-C on SELECT pg_sleep(60)
hoop connect shop --role writer --reason "a try"
hoop connect shop --no-exec   # one JSON line with port and password for a GUI tool
hoop sessions list

Accounts of the OpenID provider at ${stack.provider.issuer}:
${accounts.join('\n')}

The gateway's configuration: ${stack.configFile}
after a change:              kill -HUP ${stack.gatewayPid()}
Past the gateway:            psql -h ${server.socketDirectory} -p ${server.port} -U ${server.superuser} shop
`
}

const code = await main(process.argv.slice(2)).catch(failed)
// Interrupted, a command may still be running on its terminal: it is not waited for.
if (code === INTERRUPTED) process.exit(code)
process.exitCode = code
