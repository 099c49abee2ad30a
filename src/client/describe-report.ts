import { unreachable } from '../lib/unreachable.js'
import type { Finding, VerifyReport } from '../recording/verify.js'

/** A verification's answer in one line. */
export function describeReport(report: VerifyReport): string {
  if (report.ok) return `whole and unaltered, ${report.eventCount} events, chain ${report.head.slice(0, 12)}…`
  const more = report.findingCount - report.findings.length
  const found = report.findings.map(describeFinding).join('; ')
  return `NOT to be relied on: ${found}${more > 0 ? `; and ${more} more` : ''}`
}

/** One finding as half a sentence. */
export function describeFinding(finding: Finding): string {
  const { kind, line } = finding
  switch (kind) {
    case 'unreadable':
      return `line ${line} cannot be read, ${finding.reason}`
    case 'altered':
      return `line ${line} was altered`
    case 'missing':
      return `events ${finding.from} to ${finding.to} are missing before line ${line}`
    case 'reordered':
      return `event ${finding.seq} stands in the wrong place, line ${line}`
    case 'after_end':
      return `line ${line} stands after the end`
    case 'truncated':
      return `the end is missing after line ${line}`
    case 'other_session':
      return `line ${line} belongs to another session`
    case 'head_differs':
      return 'the last link is not the one that the gateway kept'
    default:
      return unreachable(finding)
  }
}
