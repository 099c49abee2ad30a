import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { HoopError } from '../lib/hoop-error.js'
import type { AgentConfig, Config } from './config.js'
import { type ConfigProblem, renderProblem } from './problem.js'
import { type ReadConfig, type ReadConfigOptions, readAgentConfig, readConfig } from './read-config.js'

export interface LoadConfigOptions {
  /** Told of what is allowed and most likely a slip. */
  readonly warn?: (problem: ConfigProblem) => void
}

/** Reads the gateway's configuration file. Fails with `configuration`, every problem on a line of its own. */
export function loadConfig(path: string, options: LoadConfigOptions = {}): Config {
  return load(path, readConfig, options)
}

/** Reads an agent's configuration file. Fails with `configuration`, likewise. */
export function loadAgentConfig(path: string, options: LoadConfigOptions = {}): AgentConfig {
  return load(path, readAgentConfig, options)
}

function load<Value>(
  path: string,
  read: (text: string, options: ReadConfigOptions) => ReadConfig<Value>,
  { warn }: LoadConfigOptions,
): Value {
  const file = basename(path)
  const result = read(readText(path), { file, directory: dirname(resolve(path)) })
  if (!result.ok) {
    const lines = result.problems.map(problem => `  ${renderProblem(problem)}`)
    throw new HoopError('configuration', [`Cannot use configuration "${path}":`, ...lines].join('\n'), {
      hint: `hoopd check ${path}`,
    })
  }
  for (const warning of result.warnings) warn?.(warning)
  return result.config
}

function readText(path: string): string {
  try {
    // Bytes that are no UTF-8 would turn into other names silently.
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (cause) {
    const why = cause instanceof TypeError ? 'it is not UTF-8' : describeFileError(cause)
    throw new HoopError('configuration', `Cannot read configuration "${path}": ${why}`, { cause })
  }
}

function describeFileError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'ENOENT':
      return 'there is no such file'
    case 'EACCES':
      return 'this user may not read it'
    case 'EISDIR':
      return 'it is a directory'
    default:
      return 'the file cannot be opened'
  }
}
