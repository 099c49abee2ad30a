import { HoopCommand } from '../src/client/hoop-command.js'
import { renderTable } from '../src/client/text-table.js'
import type { ConnectionView } from '../src/domain/api.js'

export default class Connections extends HoopCommand {
  static override summary = 'List the connections you may open, with the roles you may have.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ]
  static override enableJsonFlag = true

  async run(): Promise<readonly ConnectionView[]> {
    await this.parse(Connections)
    const { api } = await this.gateway()
    const connections = await api.connections()
    const rows = connections.map(one => [
      one.name,
      one.protocol,
      one.roles.join(', '),
      reach(one),
      one.description ?? '',
    ])
    if (rows.length === 0) this.tell('no access rule gives you a connection')
    else this.log(renderTable(['NAME', 'TYPE', 'ROLES', 'REACHED', 'DESCRIPTION'], rows))
    return connections
  }
}

function reach({ agent }: ConnectionView): string {
  if (agent === undefined) return 'directly'
  return `${agent.name} (${agent.online ? 'online' : 'offline'})`
}
