import { constants, userInfo } from 'node:os'
import { Flags } from '@oclif/core'
import { tellBesideChild } from '../src/client/beside-child.js'
import { type OpenConnection, openConnection } from '../src/client/connect.js'
import { readDuration, showDuration } from '../src/client/durations.js'
import { connectionArg, HoopCommand } from '../src/client/hoop-command.js'
import { lineOnStderr } from '../src/client/live-line.js'
import { openUndisturbed } from '../src/client/open-undisturbed.js'
import { readReviewName } from '../src/client/reviews-api.js'
import type { SessionEnd } from '../src/client/session-link.js'
import { untilStopped } from '../src/client/until-stopped.js'

const loadChildRunner = () => import('../src/client/run-child.js')

export default class Connect extends HoopCommand {
  static override summary = 'Open a connection: ask for a grant, listen on the loopback, start its client.'
  static override description =
    `Everything after "--" goes to the client as it is. The client's exit code is the command's own.
Where people have to agree first it waits for them, and Ctrl-C takes the question back.
With --no-exec only the listener is opened; one JSON line on stdout says where it is and which password it takes.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> prod-db',
    '<%= config.bin %> <%= command.id %> prod-db --role writer --reason "fix order 4711" --for 30m',
    '<%= config.bin %> <%= command.id %> prod-db -- -c "select count(*) from orders"',
    '<%= config.bin %> <%= command.id %> prod-db --no-exec',
    '<%= config.bin %> <%= command.id %> prod-db --role writer --reason "fix order 4711" --no-wait',
  ]
  static override args = { connection: connectionArg }
  static override flags = {
    role: Flags.string({ description: 'the role to ask for; the first one you may have when left out' }),
    reason: Flags.string({ description: 'why, for those who read the recording' }),
    for: Flags.string({ description: 'how long, like 30m; never longer than the access rule allows' }),
    database: Flags.string({ char: 'd', description: 'the database to open first' }),
    port: Flags.integer({ description: 'listen on this port and no other', min: 1, max: 65_535 }),
    review: Flags.string({
      description: 'go on with a grant that was asked for: the review it waits for',
      exclusive: ['grant', 'break-glass'],
    }),
    grant: Flags.string({
      description: 'use a grant you have, and keep it when the client ends',
      exclusive: ['role', 'reason', 'for', 'break-glass'],
    }),
    'break-glass': Flags.boolean({
      description: 'use the right to go ahead without approval: needs --reason, is told to everyone',
    }),
    wait: Flags.boolean({
      description: 'wait where people have to agree first; --no-wait ends with 75 and says how to go on',
      allowNo: true,
      default: true,
    }),
    exec: Flags.boolean({
      description: 'start the client; --no-exec only listens',
      allowNo: true,
      default: true,
    }),
  }

  #childRuns = false

  async run(): Promise<void> {
    const { own, client } = splitArguments(this.argv)
    const { args, flags } = await this.parse(Connect, [...own])
    // While the gateway is being reached; a failure is met again where it is used.
    if (flags.exec) loadChildRunner().catch(() => {})
    const gateway = await this.gateway()
    const options = {
      connection: args.connection,
      ...(flags.role === undefined ? {} : { role: flags.role }),
      ...(flags.reason === undefined ? {} : { reason: flags.reason }),
      ...(flags.for === undefined ? {} : { durationSeconds: readDuration(flags.for) }),
      ...(flags.database === undefined ? {} : { database: flags.database }),
      ...(flags.port === undefined ? {} : { port: flags.port }),
      ...(flags.review === undefined ? {} : { review: readReviewName(flags.review) }),
      ...(flags.grant === undefined ? {} : { grant: flags.grant }),
      breakGlass: flags['break-glass'],
      wait: flags.wait,
      env: process.env,
      user: userInfo().username,
      tell: (message: string, hint?: string) => this.#tellBeside(message, hint),
      liveLine: lineOnStderr,
    }
    const opened = await openUndisturbed(stopped => openConnection(gateway, options, stopped))
    if (opened.kind === 'stopped') this.exit(128 + constants.signals[opened.signal])
    const { value: open } = opened
    const { grant } = open
    const left = showDuration((new Date(grant.until).getTime() - Date.now()) / 1000)
    this.tell(`"${grant.connection}" as "${grant.role}" for ${left}, session ${open.session}, recorded`)
    const code = flags.exec ? await this.#runClient(open, client) : await this.#listen(open)
    if (code !== 0) this.exit(code)
  }

  async #runClient(open: OpenConnection, clientArguments: readonly string[]): Promise<number> {
    void open.ended.then(end => this.#tellEnd(end))
    try {
      const { plan } = open
      const { runChild } = await loadChildRunner()
      this.#childRuns = true
      return await runChild({ ...plan, args: [...plan.args, ...clientArguments] })
    } finally {
      this.#childRuns = false
      await open.close()
    }
  }

  async #listen(open: OpenConnection): Promise<number> {
    process.stdout.write(
      `${JSON.stringify({ ...open.plan.profile, session: open.session, until: open.grant.until })}\n`,
    )
    try {
      const end = await untilStopped(open.ended)
      if (end === undefined) return 0
      this.#tellEnd(end)
      return 77
    } finally {
      await open.close()
    }
  }

  #tellEnd({ message, hint }: SessionEnd): void {
    this.#tellBeside(message, hint)
  }

  /** One line, also while the client draws on the terminal. */
  #tellBeside(message: string, hint?: string): void {
    const { stderr } = process
    if (this.#childRuns && stderr.isTTY === true) {
      const canMove = process.env.TERM !== 'dumb'
      return tellBesideChild({ message, hint, stream: stderr, canMove })
    }
    this.tell(message)
    if (hint !== undefined) this.tellHint(hint)
  }
}

/** What is behind the first "--" belongs to the client, byte for byte and in its order. */
function splitArguments(argv: readonly string[]): {
  readonly own: readonly string[]
  readonly client: readonly string[]
} {
  const at = argv.indexOf('--')
  return at < 0 ? { own: argv, client: [] } : { own: argv.slice(0, at), client: argv.slice(at + 1) }
}
