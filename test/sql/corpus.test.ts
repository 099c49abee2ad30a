import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { compact } from './compact-facts.js'

/** Statements that try to get around masking and blocking, each with the facts by which they can be caught. */
interface Attempt {
  readonly id: string
  readonly title: string
  readonly steps: readonly (string | { readonly hex: string })[]
}

const attempts: readonly Attempt[] = JSON.parse(
  readFileSync(new URL('../corpus/postgres.json', import.meta.url), 'utf8'),
)

/** The facts of the attempt's steps, `;` between them. */
const EXPECTED: Readonly<Record<string, string>> = {
  'PG-01': 'SELECT customers | ssn',
  'PG-03': 'SELECT customers | ssn ::bytea',
  'PG-05': 'SELECT customers reverse() | ssn',
  'PG-07': 'SELECT customers md5() | ssn',
  'PG-09': 'SELECT customers regexp_split_to_table() ascii() | ssn c WHOLEROW',
  'PG-11': 'SELECT customers replace() | ssn ::int8',
  'PG-13': 'SELECT customers | customers WHOLEROW',
  'PG-15': 'SELECT customers json_object_agg() | id ssn',
  'PG-17': 'SELECT table_to_xml()',
  'PG-19': 'SELECT customers mode() first_value() | ssn ^id',
  'PG-21': 'SELECT customers | name ssn SETOP',
  'PG-23': 'SELECT customers | ssn ?id',
  'PG-25': 'SELECT customers | ssn name',
  'PG-27': 'CREATE VIEW !wd >tv customers | ssn STORES ; SELECT tv | zip',
  'PG-29': 'SELECT get_person() | contact',
  'PG-31': 'PREPARE + SELECT customers | ssn prepare:p ; EXECUTE | execute:p',
  'PG-33': 'SELECT ev_part1 | ssn',
  'PG-35': 'SELECT customers',
  'PG-37': 'BEGIN ; UPDATE !w >customers | ssn ?id STORES ; SELECT customers | city ?id ; ROLLBACK',
  'PG-39': 'DO !wdo | STORES',
  'PG-41': 'INSERT !w >customers customers | ssn ?id STORES',
  'PG-43': 'COPY customers | ssn copy[out,client,customers(ssn),text]',
  'PG-45': 'LISTEN ; SELECT customers count() pg_notify() | ssn ?id ; SELECT',
  'PG-47': 'SELECT customers count() set_config() x.y=* | ssn ?id ; SHOW',
  'PG-49':
    'SELECT customers count() pg_advisory_lock() replace() | ssn ?id ::int8 ; SELECT pg_locks | objid ?locktype',
  'PG-51': 'SELECT customers generate_series() ascii() substr() | ssn ?id',
  'PG-53': 'DO !wdo | STORES ; SELECT pg_class | relname ?relnamespace ::regnamespace',
  'PG-55': 'DO !wdo | STORES ; SELECT pg_listening_channels()',
  'PG-57': 'SELECT pg_stat_activity | query ?query',
  'PG-59': 'EXPLAIN + SELECT customers | ?ssn',
  'PG-61': 'SELECT customers | name ?salary',
  'PG-63': 'SELECT customers | ?c.ssn ?g.cand c.name g.cand RENAMES',
  'PG-65': 'SELECT customers generate_series() replace() lpad() | ?c.ssn ?g g ::text WHOLEROW',
  'PG-67': 'SELECT customers | ssn',
  'PG-69': 'SELECT customers | ssn',
  'PG-71': 'BEGIN ; SELECT count() + DELETE !wU >orders | INNERSTAR ; ROLLBACK',
  'PG-73': 'BEGIN ; MERGE !w >orders orders + DELETE !wU >orders | ?o.id ?s.id STORES ; ROLLBACK',
  'PG-75': 'BEGIN ; DO !wdo | STORES ; SELECT orders count() ; ROLLBACK',
  'PG-77': 'BEGIN ; SELECT ; DELETE !wU >orders ; ROLLBACK',
  'PG-79': 'SET standard_conforming_strings=on ; BEGIN ; SELECT ; DELETE !wU >orders ; ROLLBACK',
  'PG-81': 'SET client_encoding=SJIS ; BEGIN ; SELECT ; ROLLBACK',
  'PG-83':
    'SET default_transaction_read_only=on ; BEGIN transaction_read_only=off ; CREATE TABLE !wd >rw | STORES ; SHOW ; ROLLBACK',
  'PG-85': 'SELECT left() pg_read_file()',
  'PG-87': 'CHECKPOINT ; SELECT encode() pg_read_binary_file() pg_relation_filepath()',
}

beforeAll(loadPostgresGrammar)

describe('what each attempt does is in its facts', () => {
  test.each(attempts)('$id $title', ({ id, steps }) => {
    const facts = steps.map(step => compact(readPostgresText(textOf(step))))
    expect(facts.join(' ; ')).toBe(EXPECTED[id])
  })
})

/** A session in an encoding with a backslash as second byte is read as the server would not: policy refuses the SET. */
function textOf(step: Attempt['steps'][number]): string {
  return typeof step === 'string' ? step : Buffer.from(step.hex, 'hex').toString('latin1')
}
