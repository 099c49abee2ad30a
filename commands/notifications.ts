import { HoopCommand } from '../src/client/hoop-command.js'
import { renderTable } from '../src/client/text-table.js'
import type { NotificationView } from '../src/domain/api.js'

export default class Notifications extends HoopCommand {
  static override summary =
    'List what people were told of questions, and what was not delivered, for auditors.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json | jq \'.[] | select(.state == "failed")\'',
  ]
  static override enableJsonFlag = true

  async run(): Promise<readonly NotificationView[]> {
    await this.parse(Notifications)
    const { api } = await this.gateway()
    const notifications = await api.notifications()
    if (notifications.length === 0) this.tell('nobody was told of anything')
    else
      this.log(
        renderTable(['AT', 'CHANNEL', 'REVIEW', 'EVENT', 'STATE', 'TRIES', 'ERROR'], notifications.map(row)),
      )
    return notifications
  }
}

function row(one: NotificationView): readonly string[] {
  const next = one.dueAt === undefined ? '' : `, next at ${one.dueAt}`
  const { createdAt, channel, review, event, state, attempts, error = '' } = one
  return [createdAt, channel, review, event, `${state}${next}`, String(attempts), error]
}
