import { Args, Flags } from '@oclif/core'
import { showDuration } from '../src/client/durations.js'
import { HoopCommand } from '../src/client/hoop-command.js'
import { type DeviceCode, type LoginResult, login } from '../src/client/login.js'
import { openBrowser } from '../src/client/open-browser.js'
import { readGatewayUrl, readSettings } from '../src/client/settings.js'

export default class Login extends HoopCommand {
  static override summary = "Sign in at your company's identity provider, with a code and a browser anywhere."
  static override examples = [
    '<%= config.bin %> <%= command.id %> https://gateway.example.com',
    '<%= config.bin %> <%= command.id %> --no-browser',
  ]
  static override args = {
    gateway: Args.string({ description: 'the address of the gateway; the one used last when left out' }),
  }
  static override flags = {
    'ca-file': Flags.string({ description: 'an authority to trust beside those of the system' }),
    browser: Flags.boolean({ description: 'open a browser', allowNo: true, default: true }),
  }
  static override enableJsonFlag = true

  async run(): Promise<LoginResult> {
    const { args, flags } = await this.parse(Login)
    const { env } = process
    const given = args.gateway === undefined ? {} : { HOOP_GATEWAY: readGatewayUrl(args.gateway) }
    const ca = flags['ca-file'] === undefined ? {} : { HOOP_CA_FILE: flags['ca-file'] }
    const settings = await readSettings({ ...env, ...given, ...ca })
    const stop = new AbortController()
    const interrupt = (): void => stop.abort(new Error('interrupted'))
    process.once('SIGINT', interrupt)
    try {
      const show = (code: DeviceCode) => this.#show(code, flags.browser)
      const tell = (message: string) => this.tell(message)
      const result = await login({ env, settings, tell, show, signal: stop.signal })
      this.tell(
        `logged in as ${result.name} (${result.groups.join(', ') || 'no groups'}), kept in ${result.kept}`,
      )
      return result
    } catch (error) {
      if (stop.signal.aborted) this.exit(130)
      throw error
    } finally {
      process.off('SIGINT', interrupt)
    }
  }

  async #show(
    { userCode, address, addressWithCode, expiresInSeconds }: DeviceCode,
    browser: boolean,
  ): Promise<void> {
    this.tell(`your code: ${userCode}`)
    this.tell(`open ${addressWithCode ?? address} and compare it, within ${showDuration(expiresInSeconds)}`)
    if (process.stderr.isTTY === true && !process.env.CI) {
      const qrcode = await import('qrcode')
      process.stderr.write(
        await qrcode.toString(addressWithCode ?? address, { type: 'terminal', small: true }),
      )
    }
    if (browser) openBrowser(addressWithCode ?? address, { env: process.env, platform: process.platform })
  }
}
