import { ReviewAnswerCommand } from '../../src/client/review-answer-command.js'
import type { ReviewView } from '../../src/domain/api.js'

export default class ReviewsDeny extends ReviewAnswerCommand {
  static override summary = 'Say no to a question: one no is enough.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> r-0123456789abcdef',
    '<%= config.bin %> <%= command.id %> r-0123456789abcdef --comment "not before the backup"',
  ]
  // Spread by the parser, which sees only what is the class's own.
  static override args = ReviewAnswerCommand.args
  static override enableJsonFlag = true

  async run(): Promise<ReviewView> {
    const { args, flags } = await this.parse(ReviewsDeny)
    return this.answer('deny', args.id, flags)
  }
}
