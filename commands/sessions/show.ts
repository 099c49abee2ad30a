import { Args } from '@oclif/core'
import { HoopCommand } from '../../src/client/hoop-command.js'
import { type SessionDigest, summarizeSession } from '../../src/client/session-digest.js'
import { readSession } from '../../src/client/session-recording.js'

export default class SessionsShow extends HoopCommand {
  static override summary =
    'Sum a session up: who, what, verdicts, counts, durations, and whether its recording is whole.'
  static override examples = ['<%= config.bin %> <%= command.id %> s-0123456789abcdef']
  static override args = {
    id: Args.string({ description: 'the session, see "hoop sessions list"', required: true }),
  }
  static override enableJsonFlag = true

  async run(): Promise<SessionDigest> {
    const { args } = await this.parse(SessionsShow)
    const id = readSession(args.id)
    const { api } = await this.gateway()
    const digest = await summarizeSession({ kind: 'session', id, api })
    this.log(digest.text)
    return digest
  }

  protected override toSuccessJson(digest: SessionDigest): unknown {
    return { session: digest.session, summary: digest.summary, verification: digest.verification }
  }
}
