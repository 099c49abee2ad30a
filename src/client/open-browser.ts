import { spawn } from 'node:child_process'
import type { Environment } from './settings.js'

const OPENERS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}

/** Opens an https address in the person's browser, where there is one to open it in; says whether it tried. */
export function openBrowser(
  address: string,
  { env, platform }: { env: Environment; platform: string },
): boolean {
  if (!URL.canParse(address) || !['https:', 'http:'].includes(new URL(address).protocol)) return false
  const hasScreen = platform !== 'linux' || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY)
  if (env.CI || !hasScreen) return false
  const [program, ...args] = OPENERS[platform] ?? ['xdg-open']
  const child = spawn(program, [...args, address], { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
  return true
}
