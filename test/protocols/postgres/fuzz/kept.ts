import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Said } from '../script.js'

const DIRECTORY = fileURLToPath(new URL('../../../corpus/fuzz/', import.meta.url))

/** A conversation that was worth keeping: a line a message, `client` or `target` and its bytes in hex; `#` begins a remark. */
export interface Kept {
  readonly name: string
  readonly script: readonly Said[]
}

/** Everything in the corpus. */
export function readKept(): readonly Kept[] {
  return readdirSync(DIRECTORY)
    .filter(file => file.endsWith('.txt'))
    .sort()
    .map(file => ({
      name: file.replace(/\.txt$/, ''),
      script: readScript(readFileSync(DIRECTORY + file, 'utf8')),
    }))
}

function readScript(text: string): readonly Said[] {
  return text.split('\n').flatMap((line): readonly Said[] => {
    const [side, hex = ''] = line.trim().split(/\s+/)
    return side === 'client' || side === 'target' ? [[side, Buffer.from(hex, 'hex')]] : []
  })
}

/** A script in the form of the corpus, for a file of its own. */
export function writeScript(script: readonly Said[]): string {
  return script.map(([side, bytes]) => `${side} ${bytes.toString('hex')}\n`).join('')
}
