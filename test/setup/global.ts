import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { type PostgresDetails, startPostgres } from './postgres.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BUILD_RECORD = join(ROOT, 'dist', 'build.tsbuildinfo')
const BUILD_LOCK = join(ROOT, 'node_modules', '.cache', 'test-build.lock')
const BUILD_LOCK_AGE_MAX_MS = 120_000
const POLL_MS = 200

/** What every test may ask for with `inject`. */
declare module 'vitest' {
  export interface ProvidedContext {
    /** The shared server. Databases and roles of a test's own have names of the test's own. */
    readonly postgres: SharedPostgres
  }
}

/** The shared server, with two accounts that may log in and own nothing. */
export interface SharedPostgres extends PostgresDetails {
  readonly reader: { readonly user: 'reader'; readonly password: string }
  readonly writer: { readonly user: 'writer'; readonly password: string }
}

/** Runs once before all tests: a fresh `dist/`, one PostgreSQL for everyone. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await build()
  const server = await startPostgres()
  const { host, port, superuser, superuserPassword, socketDirectory, caFile, version } = server
  const reader = { user: 'reader', password: 'reader-secret' } as const
  const writer = { user: 'writer', password: 'writer-secret' } as const
  await server.sql(
    'postgres',
    [reader, writer]
      .map(({ user, password }) => `CREATE ROLE ${user} LOGIN PASSWORD '${password}';`)
      .join('\n'),
  )
  const details = { host, port, superuser, superuserPassword, socketDirectory, caFile, version }
  project.provide('postgres', { ...details, reader, writer })
  return () => server.stop()
}

/**
 * Compiles when a source is newer than what was compiled last. Two runs at once take turns. `HOOP_TEST_BUILD=off` is for
 * running a few tests that start no program of ours.
 */
async function build(): Promise<void> {
  if (process.env.HOOP_TEST_BUILD === 'off' || isFresh()) return
  mkdirSync(join(ROOT, 'node_modules', '.cache'), { recursive: true })
  while (!takeLock()) await new Promise(resolve => setTimeout(resolve, POLL_MS))
  const started = new Date()
  try {
    if (!isFresh()) compile()
    // The compiler leaves its record alone when a newer source says the same.
    if (existsSync(BUILD_RECORD)) utimesSync(BUILD_RECORD, started, started)
  } finally {
    rmdirSync(BUILD_LOCK)
  }
}

function compile(): void {
  try {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  } catch (error) {
    // What compiles is there all the same; `npm run check` is where types fail a run.
    console.warn(`dist/ was built with errors in types: ${String(error)}`)
  }
}

function isFresh(): boolean {
  const built = statSync(BUILD_RECORD, { throwIfNoEntry: false })
  if (built === undefined || !existsSync(join(ROOT, 'dist', 'src'))) return false
  return newest('src') <= built.mtimeMs && newest('commands') <= built.mtimeMs
}

function newest(folder: string): number {
  const files = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map(entry => statSync(join(entry.parentPath, entry.name)).mtimeMs)
  return Math.max(0, ...files)
}

/** A directory is made by one process only. A lock that outlived its owner is taken over. */
function takeLock(): boolean {
  try {
    mkdirSync(BUILD_LOCK)
    return true
  } catch {
    const lock = statSync(BUILD_LOCK, { throwIfNoEntry: false })
    if (lock !== undefined && Date.now() - lock.mtimeMs > BUILD_LOCK_AGE_MAX_MS) rmdirSync(BUILD_LOCK)
    return false
  }
}
