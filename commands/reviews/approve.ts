import { ReviewAnswerCommand } from '../../src/client/review-answer-command.js'
import type { ReviewView } from '../../src/domain/api.js'

export default class ReviewsApprove extends ReviewAnswerCommand {
  static override summary = 'Say yes to a question, after all of it was shown.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> r-0123456789abcdef',
    '<%= config.bin %> <%= command.id %> r-0123456789abcdef --comment "looks fine"',
  ]
  // Spread by the parser, which sees only what is the class's own.
  static override args = ReviewAnswerCommand.args
  static override enableJsonFlag = true

  async run(): Promise<ReviewView> {
    const { args, flags } = await this.parse(ReviewsApprove)
    return this.answer('approve', args.id, flags)
  }
}
