import { Flags } from '@oclif/core'
import { renderGrants } from '../../src/client/grants-table.js'
import { HoopCommand } from '../../src/client/hoop-command.js'
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
    if (grants.length === 0) this.tell(flags.all ? 'there are no grants' : 'you have no grants')
    else this.log(renderGrants(grants, { now: new Date(), withPrincipal: flags.all }))
    return grants
  }
}
