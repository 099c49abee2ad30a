import { HoopCommand } from '../src/client/hoop-command.js'
import { logout } from '../src/client/login.js'
import { readSettings } from '../src/client/settings.js'

export default class Logout extends HoopCommand {
  static override summary = 'Forget the login on this machine and end it at the identity provider.'
  static override examples = ['<%= config.bin %> <%= command.id %>']
  static override enableJsonFlag = true

  async run(): Promise<{ readonly gateway: string; readonly revoked: boolean }> {
    await this.parse(Logout)
    const { env } = process
    const result = await logout({
      env,
      settings: await readSettings(env),
      tell: message => this.tell(message),
    })
    this.tell(`logged out of ${result.gateway}${result.revoked ? ', also at the identity provider' : ''}`)
    return result
  }
}
