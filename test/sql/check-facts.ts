import { beforeAll, expect, test } from 'vitest'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { compact } from './compact-facts.js'

/** A text and its facts in the notation of `compact-facts.ts`. */
export type Case = readonly [text: string, facts: string]

/** Registers one test per text: its facts are exactly these. */
export function checkAll(cases: readonly Case[]): void {
  beforeAll(loadPostgresGrammar)
  test.each(cases)('%s', (text, facts) => {
    expect(compact(readPostgresText(text))).toBe(facts)
  })
}
