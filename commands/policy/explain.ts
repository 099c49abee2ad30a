import { Args, Flags } from '@oclif/core'
import { connectionArg, HoopCommand } from '../../src/client/hoop-command.js'
import { explainStatement } from '../../src/client/policy-explain.js'
import { renderExplanation } from '../../src/client/policy-view.js'
import { ReviewsApi } from '../../src/client/reviews-api.js'
import type { ExplainResponse } from '../../src/domain/api.js'

export default class PolicyExplain extends HoopCommand {
  static override summary = 'Say what the gateway would do with a statement, without running it.'
  static override description =
    `Asks for a grant of one minute, since the target's catalog is needed, and gives it back.
The command ends with 0 whatever the decision is; --json says it for scripts.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> prod-db "DELETE FROM users"',
    '<%= config.bin %> <%= command.id %> prod-db "SELECT email FROM users" --role writer --reason "order 4711" --json',
  ]
  static override args = {
    connection: connectionArg,
    statement: Args.string({ description: 'the statement, or several of them', required: true }),
  }
  static override flags = {
    role: Flags.string({ description: 'the role to ask for; the first one you may have when left out' }),
    reason: Flags.string({ description: 'why, where an access rule wants to know' }),
    database: Flags.string({ char: 'd', description: "the database; the connection's own when left out" }),
  }
  static override enableJsonFlag = true

  async run(): Promise<ExplainResponse> {
    const { args, flags } = await this.parse(PolicyExplain)
    const { api: grants } = await this.gateway()
    const reviews = new ReviewsApi(grants.peer, grants.token)
    const explanation = await explainStatement(
      { grants, reviews },
      {
        ...args,
        ...flags,
        tell: message => this.tell(message),
      },
    )
    this.log(renderExplanation(explanation))
    return explanation
  }
}
