import { readFileSync } from 'node:fs'

/** The version in package.json, three levels above the compiled file. */
export function readVersion(): string {
  const path = new URL('../../../package.json', import.meta.url)
  const manifest: unknown = JSON.parse(readFileSync(path, 'utf8'))
  const version =
    manifest !== null && typeof manifest === 'object' && 'version' in manifest ? manifest.version : ''
  return typeof version === 'string' ? version : '0.0.0'
}
