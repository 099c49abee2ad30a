import { showDuration } from '../../src/client/durations.js'
import { HoopCommand } from '../../src/client/hoop-command.js'
import { renderTable } from '../../src/client/text-table.js'
import type { GrantView } from '../../src/domain/api.js'

export default class GrantsList extends HoopCommand {
  static override summary = 'List your grants, the newest first.'
  static override examples = ['<%= config.bin %> <%= command.id %>']
  static override enableJsonFlag = true

  async run(): Promise<readonly GrantView[]> {
    await this.parse(GrantsList)
    const { api } = await this.gateway()
    const grants = await api.grants()
    const rows = grants.map(one => [one.id, one.connection, one.role, state(one), one.rule, one.reason ?? ''])
    if (rows.length === 0) this.tell('you have no grants')
    else this.log(renderTable(['ID', 'CONNECTION', 'ROLE', 'STATE', 'RULE', 'REASON'], rows))
    return grants
  }
}

function state({ until, revokedAt }: GrantView): string {
  if (revokedAt !== undefined) return 'revoked'
  const left = (new Date(until).getTime() - Date.now()) / 1000
  return left > 0 ? `${showDuration(left)} left` : 'expired'
}
