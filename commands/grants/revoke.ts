import { Args } from '@oclif/core'
import { HoopCommand } from '../../src/client/hoop-command.js'

export default class GrantsRevoke extends HoopCommand {
  static override summary = 'Give a grant back; sessions opened on it end at once.'
  static override examples = ['<%= config.bin %> <%= command.id %> g-0123456789abcdef']
  static override args = {
    id: Args.string({ description: 'the grant, see "hoop grants list"', required: true }),
  }

  async run(): Promise<void> {
    const { args } = await this.parse(GrantsRevoke)
    const { api } = await this.gateway()
    await api.revokeGrant(args.id)
    this.tell(`grant ${args.id} is revoked`)
  }
}
