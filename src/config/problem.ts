/** One thing wrong, or doubtful, in a configuration file. Lines and columns count from 1. */
export interface ConfigProblem {
  readonly severity: 'error' | 'warning'
  readonly file: string
  readonly line: number
  readonly column: number
  /** What was found where and what was expected. Never a value that stands where a secret belongs. */
  readonly message: string
}

/** A problem as one line that editors and people can follow: `hoop.yaml:12:5: …`. */
export function renderProblem({ severity, file, line, column, message }: ConfigProblem): string {
  return `${file}:${line}:${column}: ${severity === 'warning' ? 'warning: ' : ''}${message}`
}
