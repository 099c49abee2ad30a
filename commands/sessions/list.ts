import { Flags } from '@oclif/core'
import { HoopCommand } from '../../src/client/hoop-command.js'
import { renderTable } from '../../src/client/text-table.js'
import type { SessionView } from '../../src/domain/api.js'

export default class SessionsList extends HoopCommand {
  static override summary = "List sessions, the newest first: your own, or everyone's for auditors."
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --connection prod-db --limit 10',
  ]
  static override flags = {
    connection: Flags.string({ description: 'only those of this connection' }),
    limit: Flags.integer({ description: 'how many', default: 50, min: 1, max: 500 }),
    mine: Flags.boolean({ description: 'only my own, also for auditors' }),
  }
  static override enableJsonFlag = true

  async run(): Promise<readonly SessionView[]> {
    const { flags } = await this.parse(SessionsList)
    const { api } = await this.gateway()
    const sessions = await api.sessions({
      limit: String(flags.limit),
      ...(flags.connection === undefined ? {} : { connection: flags.connection }),
      ...(flags.mine ? { mine: '1' } : {}),
    })
    const header = ['ID', 'STARTED', 'WHO', 'CONNECTION', 'ROLE', 'STATEMENTS', 'REFUSED', 'STATE']
    if (sessions.length === 0) this.tell('there are no sessions that you may see')
    else this.log(renderTable(header, sessions.map(row)))
    return sessions
  }
}

function row(session: SessionView): readonly string[] {
  const { id, startedAt, principal, connection, role, operations, refused, endReason } = session
  const started = startedAt.replace('T', ' ').slice(0, 19)
  return [id, started, principal, connection, role, String(operations), String(refused), endReason ?? 'live']
}
