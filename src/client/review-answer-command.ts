import { createInterface } from 'node:readline/promises'
import { Args, Flags } from '@oclif/core'
import type { ReviewView } from '../domain/api.js'
import { answerReview } from './answer-review.js'
import { HoopCommand } from './hoop-command.js'
import { renderReview } from './review-text.js'
import { describeState } from './review-words.js'
import { readReviewName } from './reviews-api.js'

/** Ended by the person at the question: nothing was answered. */
const EXIT_NOT_ANSWERED = 75

/** What was typed beside the review's name. */
export interface AnswerFlags {
  readonly comment?: string | undefined
  readonly digest?: string | undefined
  readonly yes: boolean
}

/** The commands that answer a question: the same in everything but the word. */
export abstract class ReviewAnswerCommand extends HoopCommand {
  static override description = `On a terminal the whole question is shown first, and asked about.
Elsewhere --digest says which question was seen, as "hoop reviews show" prints it; --yes answers whatever it is.`
  static override args = {
    id: Args.string({ description: 'the review, see "hoop reviews list"', required: true }),
  }
  static override flags = {
    comment: Flags.string({ description: 'for who asked, and for the record' }),
    digest: Flags.string({ description: 'the digest of what was seen; nothing else is answered' }),
    yes: Flags.boolean({ char: 'y', description: 'answer without being shown the question' }),
  }

  /** Answers, and says what came of it. Ends with 75 when the person did not confirm. */
  protected async answer(
    verdict: 'approve' | 'deny',
    name: string,
    { comment, digest, yes }: AnswerFlags,
  ): Promise<ReviewView> {
    const id = readReviewName(name)
    const isTerminal = process.stdin.isTTY === true && process.stderr.isTTY === true
    const canAsk = isTerminal && !process.env.CI && !this.jsonEnabled()
    const answered = await answerReview({
      reviews: await this.reviews(),
      id,
      verdict,
      comment,
      digest,
      yes,
      confirm: canAsk ? review => this.#confirm(verdict, review) : undefined,
      now: () => new Date(),
    })
    if (answered === undefined) {
      this.tell(`review ${id} is not answered`)
      this.exit(EXIT_NOT_ANSWERED)
    }
    this.tell(`review ${id} is ${describeState(answered, new Date())}`)
    return answered
  }

  /** Everything is shown before the question is put; the name of who asks is in it. */
  async #confirm(verdict: 'approve' | 'deny', review: ReviewView): Promise<boolean> {
    const { stdin, stderr } = process
    const lines = renderReview(review, { now: new Date(), widthMax: stderr.columns ?? 80 })
    stderr.write(`${lines.join('\n')}\n\n`)
    // One line as the terminal itself gives it: nothing here has to move a cursor.
    const prompt = createInterface({ input: stdin, output: stderr, terminal: false })
    const gone = new Promise<string>(resolve => prompt.once('close', () => resolve('')))
    const word = verdict === 'approve' ? 'Approve' : 'Deny'
    const asked = prompt.question(`${word} what ${review.requester} asks for? [y/N] `)
    const typed = await Promise.race([asked, gone])
    prompt.close()
    return /^y(es)?$/i.test(typed.trim())
  }
}
