import { HoopCommand } from '../../src/client/hoop-command.js'
import { SteadyGateway } from '../../src/client/steady-gateway.js'
import { HoopError } from '../../src/lib/hoop-error.js'

export default class ReviewsWatch extends HoopCommand {
  static override summary =
    'Keep a screen open that shows new questions at once, and answers them with a key.'
  static override description =
    `A question can be answered once all of it was on the screen: a approves, d denies.
The terminal's bell rings when a new one comes.`
  static override examples = ['<%= config.bin %> <%= command.id %>']

  async run(): Promise<void> {
    await this.parse(ReviewsWatch)
    const { stdin, stdout } = process
    if (stdin.isTTY !== true || stdout.isTTY !== true) {
      throw new HoopError('usage', 'Cannot watch reviews: this is no terminal', {
        hint: 'hoop reviews --json',
      })
    }
    const gateway = new SteadyGateway(await this.gateway())
    // Large, and needed by nothing else.
    const { runWatch } = await import('../../src/client/reviews-watch/run-watch.js')
    await runWatch({ gateway, stdin, stdout, styled: !process.env.NO_COLOR })
    // A question to the gateway may still be held there: it is not waited for.
    this.exit(0)
  }
}
