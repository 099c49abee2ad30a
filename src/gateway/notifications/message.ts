import type { NotificationEvent } from '../../domain/notification.js'
import type { Review } from '../../domain/review.js'
import { toPrintable, toPrintableLines } from '../../recording/printable.js'

/** Characters of a statement that go into a message for people. What is answered is read at the gateway, whole. */
const EXCERPT_LENGTH_MAX = 1500

/** What a channel needs to know to write its message. */
export interface Telling {
  /** Names the message; the same for each try. */
  readonly id: string
  readonly event: NotificationEvent
  readonly review: Review
  /** Where the question is read and answered by someone who signs in. */
  readonly url: string
  readonly statements: boolean
}

/** A message for people, in lines without anything that a terminal, a mail program or a chat would act on. */
export interface Message {
  readonly subject: string
  readonly facts: readonly string[]
  /** A part of the statement; empty where it does not go along. */
  readonly excerpt: readonly string[]
  /** Said of the excerpt when it is not all. */
  readonly cut: string | undefined
}

/** Writes a message. Whatever the person who asks could choose is made visible, and is nobody's markup. */
export function writeMessage({ event, review, statements }: Telling): Message {
  const { requester, subject, reason, demands, until, answers } = review
  const who = toPrintable(requester.name)
  const facts = [
    ...(subject.kind === 'operation' ? [`database ${toPrintable(subject.database)}`] : []),
    ...(subject.kind === 'operation' && subject.verbs.length > 0 ? [`does ${subject.verbs.join(', ')}`] : []),
    ...(subject.kind === 'operation' && subject.tables.length > 0
      ? [`touches ${subject.tables.map(toPrintable).join(', ')}`]
      : []),
    `reason: ${reason === undefined ? 'none given' : toPrintable(reason)}`,
    ...demands.map(({ rule, terms }) => `rule "${rule}": ${terms.count} of ${whoMay(terms)}`),
    ...(event === 'ended'
      ? answers.map(({ by, verdict, comment }) => {
          const said = comment === undefined ? '' : `: ${toPrintable(comment)}`
          return `${toPrintable(by.name)} said ${verdict === 'approve' ? 'yes' : 'no'}${said}`
        })
      : [`waits until ${until.toISOString()}`]),
  ]
  return { subject: subjectLine(event, review, who), facts, ...excerptOf(review, statements) }
}

function subjectLine(event: NotificationEvent, { id, subject, state, why }: Review, who: string): string {
  const where = `${subject.connection} as ${subject.role}`
  if (event === 'more') return `${who} asks for more on ${where} than is told one by one`
  if (event === 'ended') return `${id} is ${state}${why === undefined ? '' : `: ${toPrintable(why)}`}`
  if (subject.kind === 'operation') return `${who} wants to run a statement on ${where}`
  return subject.afterwards
    ? `${who} broke the glass on ${where}: look at it afterwards`
    : `${who} asks for ${where} for ${Math.round(subject.durationMs / 60_000)} minutes`
}

function whoMay({ groups, manager }: Review['demands'][number]['terms']): string {
  return `[${[...groups, ...(manager ? ['their manager'] : [])].map(toPrintable).join(', ')}]`
}

function excerptOf({ subject }: Review, statements: boolean): Pick<Message, 'excerpt' | 'cut'> {
  if (!statements || subject.kind !== 'operation') return { excerpt: [], cut: undefined }
  const { statement } = subject
  const whole = statement.length <= EXCERPT_LENGTH_MAX
  return {
    excerpt: toPrintableLines(whole ? statement : statement.slice(0, EXCERPT_LENGTH_MAX)),
    cut: whole ? undefined : `${statement.length - EXCERPT_LENGTH_MAX} more characters are not shown here`,
  }
}
