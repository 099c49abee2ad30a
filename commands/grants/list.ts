import { Flags } from '@oclif/core'
import { showDuration } from '../../src/client/durations.js'
import { HoopCommand } from '../../src/client/hoop-command.js'
import { renderTable } from '../../src/client/text-table.js'
import type { GrantView } from '../../src/domain/api.js'

export default class GrantsList extends HoopCommand {
  static override summary = "List your grants, the newest first; everyone's for auditors."
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --all --json',
  ]
  static override flags = {
    all: Flags.boolean({ description: "everyone's, for auditors" }),
  }
  static override enableJsonFlag = true

  async run(): Promise<readonly GrantView[]> {
    const { flags } = await this.parse(GrantsList)
    const { api } = await this.gateway()
    const grants = await api.grants({ all: flags.all })
    const rows = grants.map(one => [one.id, one.connection, one.role, state(one), how(one), one.reason ?? ''])
    if (rows.length === 0) this.tell('you have no grants')
    else this.log(renderTable(['ID', 'CONNECTION', 'ROLE', 'STATE', 'GIVEN BY', 'REASON'], rows))
    return grants
  }
}

function state({ until, revokedAt }: GrantView): string {
  if (revokedAt !== undefined) return 'revoked'
  const left = (new Date(until).getTime() - Date.now()) / 1000
  return left > 0 ? `${showDuration(left)} left` : 'expired'
}

/** The rule that gave it, and what else it took. */
function how({ rule, review, breakGlass }: GrantView): string {
  if (breakGlass) return `${rule}, glass broken`
  return review === undefined ? rule : `${rule}, ${review}`
}
