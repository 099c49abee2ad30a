import { readFileSync } from 'node:fs'
import type { Attack } from './attack.js'

/** The attacks that are known from elsewhere: what got around other gateways. */
export const CORPUS: readonly Attack[] = read('postgres.json')

/** Attacks of the same classes that were thought of here. */
export const OWN_ATTACKS: readonly Attack[] = read('postgres-attacks.json')

function read(name: string): readonly Attack[] {
  return JSON.parse(readFileSync(new URL(`../corpus/${name}`, import.meta.url), 'utf8'))
}
