import { constants } from 'node:os'
import { Flags } from '@oclif/core'
import { readDuration, showDuration } from '../../src/client/durations.js'
import { connectionArg, HoopCommand } from '../../src/client/hoop-command.js'
import { readWait, requestGrantAhead, spellWait } from '../../src/client/request-grant.js'
import type { GrantView, ReviewView } from '../../src/domain/api.js'

export default class GrantsRequest extends HoopCommand {
  static override summary = 'Ask for a grant ahead of time, and wait for those who have to agree if you like.'
  static override description =
    `Without --wait it ends as soon as the question is asked; "hoop connect NAME --review ID" goes on with it.
With --wait the grant is taken as soon as it is approved, and its time begins.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> prod-db --role writer --for 1h --reason "fix order 4711" --wait',
    '<%= config.bin %> <%= command.id %> prod-db --role writer --reason "fix order 4711" --wait=10m',
    '<%= config.bin %> <%= command.id %> prod-db --role writer --reason "the shop is down" --break-glass',
  ]
  static override args = { connection: connectionArg }
  static override flags = {
    role: Flags.string({ description: 'the role to ask for; the first one you may have when left out' }),
    for: Flags.string({ description: 'how long, like 30m; never longer than the access rule allows' }),
    reason: Flags.string({ description: 'why, for those who answer and those who read the recording' }),
    wait: Flags.string({
      description: 'wait until somebody answers, or at most so long: --wait=10m',
      helpValue: '[=10m]',
      exclusive: ['break-glass'],
    }),
    'break-glass': Flags.boolean({
      description: 'use the right to go ahead without approval: needs --reason, is told to everyone',
      dependsOn: ['reason'],
    }),
  }
  static override enableJsonFlag = true

  async run(): Promise<GrantView | ReviewView> {
    const { args, flags } = await this.parse(GrantsRequest, [...spellWait(this.argv)])
    const asked = await requestGrantAhead({
      gateway: await this.gateway(),
      request: {
        connection: args.connection,
        ...(flags.role === undefined ? {} : { role: flags.role }),
        ...(flags.reason === undefined ? {} : { reason: flags.reason }),
        ...(flags.for === undefined ? {} : { durationSeconds: readDuration(flags.for) }),
        ...(flags['break-glass'] ? { breakGlass: true } : {}),
      },
      wait: readWait(flags.wait),
      tell: message => this.tell(message),
    })
    if (asked.kind === 'stopped') this.exit(128 + constants.signals[asked.signal])
    if (asked.kind === 'asked') {
      this.log(asked.review.id)
      this.tellHint(`hoop connect ${args.connection} --review ${asked.review.id}`)
      return asked.review
    }
    const { grant } = asked
    const left = showDuration((new Date(grant.until).getTime() - Date.now()) / 1000)
    this.log(grant.id)
    this.tell(`"${grant.connection}" as "${grant.role}" for ${left}`)
    this.tellHint(`hoop connect ${grant.connection} --grant ${grant.id}`)
    return grant
  }
}
