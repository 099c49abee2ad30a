import { describeFinding, type VerifyReport } from '../recording/verify.js'

/** A verification's answer in one line. */
export function describeReport(report: VerifyReport): string {
  if (report.ok) return `whole and unaltered, ${report.eventCount} events, chain ${report.head.slice(0, 12)}…`
  const more = report.findingCount - report.findings.length
  const found = report.findings.map(describeFinding).join('; ')
  return `NOT to be relied on: ${found}${more > 0 ? `; and ${more} more` : ''}`
}
