import { HoopCommand } from '../src/client/hoop-command.js'
import type { MeResponse } from '../src/domain/api.js'

export default class Whoami extends HoopCommand {
  static override summary = 'Say who you are at the gateway, and in which groups.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ]
  static override enableJsonFlag = true

  async run(): Promise<MeResponse> {
    await this.parse(Whoami)
    const gateway = await this.gateway()
    const me = await gateway.api.me()
    this.log(
      `${me.name}\ngateway  ${gateway.settings.gateway}\nissuer   ${me.issuer}\nsubject  ${me.subject}`,
    )
    this.log(`groups   ${me.groups.join(', ') || 'none'}`)
    return me
  }
}
