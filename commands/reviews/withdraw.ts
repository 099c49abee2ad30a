import { Args } from '@oclif/core'
import { HoopCommand } from '../../src/client/hoop-command.js'
import { readReviewName } from '../../src/client/reviews-api.js'

export default class ReviewsWithdraw extends HoopCommand {
  static override summary = 'Take back a question you asked; a statement that waits for it fails.'
  static override examples = ['<%= config.bin %> <%= command.id %> r-0123456789abcdef']
  static override args = {
    id: Args.string({ description: 'the review, see "hoop reviews list --mine"', required: true }),
  }

  async run(): Promise<void> {
    const { args } = await this.parse(ReviewsWithdraw)
    const id = readReviewName(args.id)
    await (await this.reviews()).withdraw(id)
    this.tell(`review ${id} is withdrawn`)
  }
}
