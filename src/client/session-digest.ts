import type { SessionView } from '../domain/api.js'
import type { RecordedEvent } from '../recording/recorded-event.js'
import { type RecordingSummary, Summarizer } from '../recording/summary.js'
import type { VerifyReport } from '../recording/verify.js'
import { describeReport } from './describe-report.js'
import { type RecordingSource, readRecording } from './session-recording.js'

/** A session in short. */
export interface SessionDigest {
  readonly session: SessionView
  readonly summary: RecordingSummary
  readonly verification: VerifyReport
  readonly text: string
}

/** Reads a session's recording once and sums it up. */
export async function summarizeSession(
  source: Extract<RecordingSource, { kind: 'session' }>,
): Promise<SessionDigest> {
  const session = await source.api.session(source.id)
  const summarizer = new Summarizer()
  const verification = await readRecording(source, (event: RecordedEvent) => summarizer.push(event))
  const summary = summarizer.finish()
  return { session, summary, verification, text: render(session, summary, verification) }
}

function render(session: SessionView, summary: RecordingSummary, verification: VerifyReport): string {
  const denied = Object.entries(summary.deniedByRule).map(([rule, count]) => `${rule} ${count}`)
  const masked = Object.entries(summary.maskedColumns).map(([column, count]) => `${column} ${count}`)
  const errors = Object.entries(summary.errors).map(([code, count]) => `${code} ${count}`)
  const lines = [
    ['session', session.id],
    ['who', session.principal],
    ['connection', `${session.connection} as ${session.role}`],
    ['started', session.startedAt],
    ['ended', session.endedAt === undefined ? 'not yet' : `${session.endedAt}, ${session.endReason}`],
    [
      'statements',
      `${summary.operations}, ${summary.allowed} allowed, ${summary.operations - summary.allowed} refused`,
    ],
    ['refused by', denied.join(', ') || 'no rule'],
    ['masked', masked.join(', ') || 'nothing'],
    ['errors', errors.join(', ') || 'none'],
    ['recording', describeReport(verification)],
  ]
  return lines.map(([name, value]) => `${(name ?? '').padEnd(12)}${value}`).join('\n')
}
