import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { loadConfig } from '../config/load-config.js'
import { type ConfigProblem, renderProblem } from '../config/problem.js'
import { type CasesReport, checkCases } from '../gateway/explain/check-cases.js'
import { type PolicyCase, readCases } from '../gateway/explain/policy-cases.js'
import { HoopError } from '../lib/hoop-error.js'
import { toPrintable } from '../recording/printable.js'
import { loadPostgresGrammar } from '../sql/postgres/grammar.js'
import { readPostgresText } from '../sql/postgres/read-text.js'

/** Of sysexits.h: the cases were read, and some of them are not so. */
const EXIT_DATA = 65
/** Characters of a statement in the line of a failing case. */
const STATEMENT_SHOWN_MAX = 80

export interface CheckOptions {
  /** A file of cases to put to the rules. */
  readonly cases?: string
  readonly json?: boolean
}

/**
 * `hoopd check`: reads a configuration, and puts cases to its rules when it is given some. Gives the exit code; fails
 * with `configuration` when either file cannot be used.
 */
export async function checkConfiguration(file: string, { cases, json }: CheckOptions): Promise<number> {
  const warn = (problem: ConfigProblem): void =>
    void process.stderr.write(`hoopd: ${renderProblem(problem)}\n`)
  const config = loadConfig(file, { warn })
  if (cases === undefined) {
    const { connections, access, statements } = config
    const counts = { connections: connections.length, access: access.length, statements: statements.length }
    const text = `${file} is good: ${counts.connections} connections, ${counts.access} access rules, ${counts.statements} statement rules`
    print(json === true ? JSON.stringify({ file, ...counts }) : text)
    return 0
  }
  await loadPostgresGrammar()
  const report = await checkCases(config, loadCases(cases), { readFacts: readPostgresText, now: new Date() })
  print(json === true ? JSON.stringify(report) : renderReport(report, cases))
  return report.failed.length === 0 ? 0 : EXIT_DATA
}

function renderReport({ caseCount, failed }: CasesReport, file: string): string {
  const lines = failed.map(({ line, connection, statement, expected, found }) => {
    const shown =
      statement.length > STATEMENT_SHOWN_MAX ? `${statement.slice(0, STATEMENT_SHOWN_MAX)}…` : statement
    return toPrintable(`${file}:${line}: expected ${expected}, found ${found} ("${connection}": ${shown})`)
  })
  const summary = `${caseCount - failed.length} of ${caseCount} cases are as expected`
  return [...lines, `${summary}; names stood for themselves, masking was not asked`].join('\n')
}

function loadCases(file: string): readonly PolicyCase[] {
  const read = readCases(readText(file), basename(file))
  if (read.ok) return read.cases
  const lines = read.problems.map(problem => `  ${renderProblem(problem)}`)
  throw new HoopError('configuration', [`Cannot use cases "${file}":`, ...lines].join('\n'))
}

function readText(file: string): string {
  try {
    // Bytes that are no UTF-8 would turn into other names silently.
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (cause) {
    const why = cause instanceof TypeError ? 'it is not UTF-8' : 'the file cannot be opened'
    throw new HoopError('configuration', `Cannot read cases "${file}": ${why}`, { cause })
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
