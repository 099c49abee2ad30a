import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from './settings.js'

/** A directory that only this user can read, and that disappears with this process, however it ends. */
export interface PrivateDirectory {
  readonly path: string
  write(files: Readonly<Record<string, string>>): Promise<void>
  remove(): Promise<void>
}

/**
 * Makes one. A small shell waits on a pipe that closes when this process is gone, SIGKILL included, and then removes
 * the directory: what is in it opens a session's listener.
 */
export async function makePrivateDirectory(env: Environment): Promise<PrivateDirectory> {
  const path = await mkdtemp(join(env.XDG_RUNTIME_DIR || tmpdir(), 'hoop-'))
  const reaper = process.platform === 'win32' ? undefined : startReaper(path)
  return {
    path,
    write: async files => {
      for (const [file, text] of Object.entries(files))
        await writeFile(file, text, { mode: 0o600, flag: 'wx' })
    },
    remove: async () => {
      await rm(path, { recursive: true, force: true })
      reaper?.stdin?.end()
    },
  }
}

function startReaper(path: string): ReturnType<typeof spawn> {
  const script = 'trap "" INT TERM HUP QUIT; read -r _; rm -rf -- "$1"'
  const reaper = spawn('/bin/sh', ['-c', script, 'hoop-cleanup', path], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: '/usr/bin:/bin' },
  })
  reaper.on('error', () => {})
  reaper.stdin?.on('error', () => {})
  reaper.unref()
  if (reaper.stdin !== null && 'unref' in reaper.stdin && typeof reaper.stdin.unref === 'function')
    reaper.stdin.unref()
  return reaper
}
