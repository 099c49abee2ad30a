import { Flags } from '@oclif/core'
import { HoopCommand } from '../../src/client/hoop-command.js'
import { describeStateShortly } from '../../src/client/review-text.js'
import { summarize, whoMayAnswer } from '../../src/client/review-words.js'
import { renderTable } from '../../src/client/text-table.js'
import type { ReviewView } from '../../src/domain/api.js'
import { REVIEW_STATES } from '../../src/domain/review-state.js'

/** Columns that what is asked for takes at most; "hoop reviews show" shows it whole. */
const SUMMARY_WIDTH_MAX = 48

export default class ReviewsList extends HoopCommand {
  static override aliases = ['reviews']
  static override summary = 'List questions that wait for a yes: those you may answer, and your own.'
  static override description =
    'What is asked for is cut in the list; "hoop reviews show ID" shows all of it.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --mine --all',
    '<%= config.bin %> <%= command.id %> --state denied --json',
  ]
  static override flags = {
    all: Flags.boolean({ description: 'also those that are decided', exclusive: ['state'] }),
    state: Flags.option({ description: 'only those in this state', options: REVIEW_STATES })(),
    mine: Flags.boolean({ description: 'only what I asked' }),
  }
  static override enableJsonFlag = true

  async run(): Promise<readonly ReviewView[]> {
    const { flags } = await this.parse(ReviewsList)
    const state = flags.state ?? (flags.all ? undefined : 'pending')
    const api = await this.reviews()
    const { reviews } = await api.list({ mine: flags.mine, ...(state === undefined ? {} : { state }) })
    const now = new Date()
    const header = ['ID', 'STATE', 'WHO', 'CONNECTION', 'ROLE', 'WAITS FOR', 'WHAT']
    if (reviews.length === 0) this.tell('no question is there that you may see')
    else
      this.log(
        renderTable(
          header,
          reviews.map(review => row(review, now)),
        ),
      )
    return reviews
  }
}

function row(review: ReviewView, now: Date): readonly string[] {
  const { id, requester, subject, state } = review
  const waitsFor = state === 'pending' ? whoMayAnswer(review) : ''
  const what = summarize(subject, SUMMARY_WIDTH_MAX)
  return [id, describeStateShortly(review, now), requester, subject.connection, subject.role, waitsFor, what]
}
