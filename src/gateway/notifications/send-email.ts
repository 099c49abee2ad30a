import type { NotificationTarget } from '../../domain/notification.js'
import { HoopError } from '../../lib/hoop-error.js'
import { type Telling, writeMessage } from './message.js'

/** How long a mail server may take to begin, to greet and between two answers. */
const SERVER_MS = 10_000
/** Longest subject; what is longer is in the text. */
const SUBJECT_LENGTH_MAX = 200

export interface Mailing {
  readonly target: Extract<NotificationTarget, { kind: 'email' }>
  readonly password: string | undefined
  readonly telling: Telling
}

/**
 * Sends one message by SMTP (RFC 5321), as plain text. Recipients do not see each other. The message of a failure never has
 * an address or what the server said, which can quote both.
 */
export async function sendEmail({ target, password, telling }: Mailing): Promise<void> {
  // Loaded here: a gateway that tells nobody by mail does without it.
  const { createTransport } = await import('nodemailer')
  const { subject, facts, excerpt, cut } = writeMessage(telling)
  const transport = createTransport({
    host: target.host,
    port: target.port,
    secure: target.tls === 'implicit',
    requireTLS: target.tls === 'starttls',
    ignoreTLS: target.tls === 'none',
    connectionTimeout: SERVER_MS,
    greetingTimeout: SERVER_MS,
    socketTimeout: SERVER_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(target.user === undefined ? {} : { auth: { user: target.user, pass: password ?? '' } }),
  })
  try {
    await transport.sendMail({
      from: target.from,
      bcc: [...target.to],
      subject: `[hoop] ${subject.slice(0, SUBJECT_LENGTH_MAX)}`,
      messageId: `<${telling.id}@hoop>`,
      text: [
        `${subject}.`,
        '',
        ...facts,
        ...(excerpt.length === 0 ? [] : ['', ...excerpt.map(line => `  | ${line}`)]),
        ...(cut === undefined ? [] : [`  … ${cut}`]),
        '',
        `Read it whole and answer: ${telling.url}`,
        `or: hoop reviews show ${telling.review.id}`,
      ].join('\n'),
    })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
    throw new HoopError(
      'gateway_unavailable',
      `Cannot tell the channel: the mail server did not take it${code}`,
    )
  } finally {
    transport.close()
  }
}
