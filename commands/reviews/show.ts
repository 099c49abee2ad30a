import { Args } from '@oclif/core'
import { HoopCommand } from '../../src/client/hoop-command.js'
import { renderReview } from '../../src/client/review-text.js'
import { readReviewName } from '../../src/client/reviews-api.js'
import type { ReviewView } from '../../src/domain/api.js'

export default class ReviewsShow extends HoopCommand {
  static override summary =
    'Show a question whole: the statement, its values, who asks, why, and what they asked before.'
  static override description =
    'Characters that act on a terminal or cannot be seen are shown as ⟨ESC⟩ or ⟨U+202E⟩. Nothing is cut.'
  static override examples = ['<%= config.bin %> <%= command.id %> r-0123456789abcdef']
  static override args = {
    id: Args.string({ description: 'the review, see "hoop reviews list"', required: true }),
  }
  static override enableJsonFlag = true

  async run(): Promise<ReviewView> {
    const { args } = await this.parse(ReviewsShow)
    const id = readReviewName(args.id)
    const review = await (await this.reviews()).find(id)
    const widthMax = process.stdout.isTTY === true ? process.stdout.columns : Number.POSITIVE_INFINITY
    this.log(renderReview(review, { now: new Date(), widthMax }).join('\n'))
    return review
  }
}
