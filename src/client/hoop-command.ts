import { Args, Command, Errors, type Interfaces } from '@oclif/core'
import { type ErrorCode, HoopError } from '../lib/hoop-error.js'
import { unreachable } from '../lib/unreachable.js'
import { toPrintable } from '../recording/printable.js'
import { type Gateway, openGateway } from './gateway.js'
import { ReviewsApi } from './reviews-api.js'
import type { RecordingSource } from './session-recording.js'
import { readSettings } from './settings.js'

/** The name of a connection, as the first argument of a command. */
export const connectionArg = Args.string({
  description: 'name of the connection, see "hoop connections"',
  required: true,
})

/** What every command of `hoop` has: the gateway, the words for failures, and the exit codes of sysexits.h. */
export abstract class HoopCommand extends Command {
  #gateway: Gateway | undefined

  /**
   * One line for the person. INVARIANT: stdout is data; everything for people goes to stderr. What a gateway says can come
   * from anywhere, so nothing in it acts on the terminal.
   */
  tell(message: string): void {
    process.stderr.write(`hoop: ${toPrintable(message)}\n`)
  }

  /** The command that helps, under the line that said what went wrong. */
  protected tellHint(hint: string): void {
    process.stderr.write(`      try: ${toPrintable(hint)}\n`)
  }

  /** The gateway, signed in to; closed when the command ends. */
  protected async gateway(): Promise<Gateway> {
    const { env } = process
    this.#gateway ??= await openGateway({
      env,
      settings: await readSettings(env),
      tell: message => this.tell(message),
    })
    return this.#gateway
  }

  /** The gateway's questions to people. */
  protected async reviews(): Promise<ReviewsApi> {
    const { api } = await this.gateway()
    return new ReviewsApi(api.peer, api.token)
  }

  /** What to read a recording from: a session at the gateway, or a file that was exported. */
  protected async recordingSource(
    id: string | undefined,
    file: string | undefined,
  ): Promise<RecordingSource> {
    if (file !== undefined && id !== undefined) {
      throw new HoopError('usage', 'Cannot read a recording: both a session and --file were given')
    }
    if (file !== undefined) return { kind: 'file', path: file }
    if (id === undefined) {
      throw new HoopError('usage', 'Cannot read a recording: neither a session nor --file was given', {
        hint: 'hoop sessions list',
      })
    }
    // Only some commands read recordings, and what reads them takes long to load.
    const { readSession } = await import('./session-recording.js')
    const session = readSession(id)
    return { kind: 'session', id: session, api: (await this.gateway()).api }
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    this.#gateway?.close()
    await super.finally(error)
  }

  protected override async catch(error: Interfaces.CommandError): Promise<void> {
    if (!(error instanceof HoopError)) return this.#passOn(error)
    const { code, message, hint } = error
    if (this.jsonEnabled()) {
      this.logJson({ error: { code, message, ...(hint === undefined ? {} : { hint }) } })
    } else {
      this.tell(message)
      if (hint !== undefined) this.tellHint(hint)
    }
    this.exit(exitCode(code))
  }

  /**
   * What is not ours to explain: an exit, the framework's words on a wrong command line, a bug. As JSON the framework
   * would print its own insides, folders of this account among them, and end with 1.
   */
  #passOn(error: Error): never {
    if (error instanceof Errors.ExitError || !this.jsonEnabled()) throw error
    const code: ErrorCode = error instanceof Errors.CLIError ? 'usage' : 'internal'
    this.logJson({ error: { code, message: error.message } })
    this.exit(exitCode(code))
  }
}

/** The exit code of each expected failure, from sysexits.h: scripts tell them apart. */
export function exitCode(code: ErrorCode): number {
  switch (code) {
    case 'usage':
    case 'not_found':
    case 'conflict':
      return 64
    case 'gateway_unavailable':
    case 'gateway_refused':
    case 'agent_unavailable':
    case 'target_unavailable':
    case 'target_refused':
    case 'provider_unavailable':
    case 'store_unavailable':
    case 'client_missing':
    case 'limit_exceeded':
    case 'recording_failed':
      return 69
    case 'approval_pending':
      return 75
    case 'forbidden':
    case 'unauthorized':
    case 'not_logged_in':
    case 'login_expired':
    case 'login_denied':
    case 'policy_denied':
    case 'grant_ended':
    case 'session_ended':
      return 77
    case 'configuration':
      return 78
    case 'recording_broken':
      return 65
    case 'internal':
      return 70
    default:
      return unreachable(code)
  }
}
