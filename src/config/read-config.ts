import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { agentSchema } from './agent-schema.js'
import { buildConfig, locate } from './build-config.js'
import { checkApprovals } from './check-approvals.js'
import { checkConfig } from './check-config.js'
import { checkNotify } from './check-notify.js'
import { checkRules } from './check-rules.js'
import type { AgentConfig, Config } from './config.js'
import { hoopSchema } from './hoop-schema.js'
import type { ConfigProblem } from './problem.js'
import { readShape } from './shape-problems.js'
import { readYaml } from './yaml-source.js'

export interface ReadConfigOptions {
  /** The file's name as problems show it. */
  readonly file: string
  /** What relative paths in the file begin at. */
  readonly directory: string
}

export type ReadConfig<Value> =
  | { readonly ok: true; readonly config: Value; readonly warnings: readonly ConfigProblem[] }
  /** In the order of the file; warnings are among them. */
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

/**
 * Reads `hoop.yaml`. Never throws: a text is a configuration as a whole, or a list of everything wrong with it.
 *
 * @example
 * const read = readConfig(text, { file: 'hoop.yaml', directory: '/etc/hoop' })
 * if (!read.ok) console.error(read.problems.map(renderProblem).join('\n'))
 */
export function readConfig(text: string, { file, directory }: ReadConfigOptions): ReadConfig<Config> {
  const yaml = readYaml(text, file)
  if (!yaml.ok) return yaml
  const { source } = yaml
  const read = readShape(hoopSchema, source)
  if (!read.ok) return { ok: false, problems: inOrder(read.problems) }
  const problems = inOrder(
    [checkConfig, checkNotify, checkApprovals, checkRules].flatMap(check => check(read.shape, source)),
  )
  if (problems.some(problem => problem.severity === 'error')) return { ok: false, problems }
  const digest = createHash('sha256').update(text).digest('hex')
  return { ok: true, config: buildConfig(read.shape, { digest, directory }), warnings: problems }
}

/** Reads `agent.yaml`, likewise. */
export function readAgentConfig(
  text: string,
  { file, directory }: ReadConfigOptions,
): ReadConfig<AgentConfig> {
  const yaml = readYaml(text, file)
  if (!yaml.ok) return yaml
  const read = readShape(agentSchema, yaml.source)
  if (!read.ok) return { ok: false, problems: inOrder(read.problems) }
  const { shape } = read
  const absolute = (path: string): string => resolve(directory, path)
  const config = {
    name: shape.name,
    gateway: shape.gateway,
    caFile: shape.ca_file === undefined ? undefined : absolute(shape.ca_file),
    dataDirectory: absolute(shape.data_directory),
    enrollmentToken:
      shape.enrollment_token === undefined ? undefined : locate(shape.enrollment_token, absolute),
    allow: shape.allow,
  }
  return { ok: true, config, warnings: [] }
}

function inOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return [...problems].sort((one, other) => one.line - other.line || one.column - other.column)
}
