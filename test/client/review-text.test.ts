import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderReview } from '../../src/client/review-text.js'
import { describeState, summarize } from '../../src/client/review-words.js'
import type { ReviewView } from '../../src/domain/api.js'
import { DIGEST, GRANT_SUBJECT, OPERATION, reviewOf } from './review.js'

const NOW = new Date('2026-03-10T10:01:00Z')
const WIDE = Number.POSITIVE_INFINITY

const render = (changes: Partial<ReviewView>, widthMax = WIDE): readonly string[] =>
  renderReview(reviewOf(changes), { now: NOW, widthMax })

test('a statement is shown with everything that is approved with it', () => {
  expect(render({ subject: { ...OPERATION, rowEstimate: 18, inTransaction: true } })).toEqual([
    'review r-0000000000000001',
    '  state        pending, 14m left, waits for 1 of [dba]',
    '  asked by     ada@example.com from 192.0.2.7, at 2026-03-10 10:00:00Z',
    '  reason       ticket 4711',
    '  may answer   1 of [dba], 0 so far, by rule "writes-need-a-manager": writes are looked at',
    '  asks to run  1 statement on "shop" as "writer"',
    '  in           database "shop", session s-0000000000000001',
    '  transaction  is open: its locks are held while this waits',
    '  commands     UPDATE',
    '  tables       public.orders',
    '  rows         about 18 in the tables it writes',
    `  digest       ${DIGEST}`,
    '  page         https://hoop.example.com/reviews/r-0000000000000001',
    '',
    '  statement, 41 characters in 1 line',
    '| UPDATE orders SET total = 0 WHERE id = $1',
    '',
    '  1 bind value',
    '| $1 = "1014"',
  ])
})

test('a grant is shown with its length, its answers and what was asked before', () => {
  const history = [
    {
      id: 'r-0000000000000002',
      state: 'denied',
      askedAt: '2026-03-09T09:00:00Z',
      summary: 'a grant\u001b[2J',
    },
  ]
  const answers = [
    { by: 'grace@example.com', verdict: 'approve', comment: 'fine', at: '2026-03-10T10:00:30Z' },
  ] as const
  const lines = render({ subject: GRANT_SUBJECT, answers, history })
  expect(lines).toContain('  asks for     a grant on "shop" as "writer" for 1h')
  expect(lines).toContain('  answer       approve: grace@example.com at 2026-03-10 10:00:30Z: "fine"')
  expect(lines.slice(-2)).toEqual([
    '  asked by ada@example.com before',
    '  2026-03-09 09:00:00Z  denied     r-0000000000000002  a grant⟨ESC⟩[2J',
  ])
})

/** Says that a text of somebody who asks is shown like this, and that it is warned of. */
function check(statement: string, shown: string, warning?: string): void {
  test(`${JSON.stringify(statement)} is shown as ${shown}`, () => {
    const lines = render({ subject: { ...OPERATION, statement, values: [] } })
    expect(lines).toContain(`| ${shown}`)
    const warnings = lines.filter(line => line.startsWith('  ATTENTION'))
    expect(warnings).toEqual(warning === undefined ? [] : [`  ATTENTION: ${warning}`])
  })
}

describe('what would mislead the eye', () => {
  const hidden = '1 character that cannot be seen, shown as ⟨…⟩'
  check('SELECT 1', 'SELECT 1')
  check('SELECT 1 --\u202e 2', 'SELECT 1 --⟨U+202E⟩ 2', hidden)
  check('DEL\u200bETE', 'DEL⟨U+200B⟩ETE', hidden)
  check('SELECT 1\rDROP', 'SELECT 1⟨CR⟩DROP', hidden)
  check('a\tb', 'a⟨TAB⟩b', hidden)
  check('\u001b[8mhidden', '⟨ESC⟩[8mhidden', hidden)
  check('⟨ESC⟩', '⟨U+27E8⟩ESC⟩', hidden)
  check('"<b>&amp;*_`"', '"<b>&amp;*_`"')
  check('ord\u0435rs', 'ord\u0435rs', 'letters that may look like others: \u0435 U+0435')
  check('café', 'café')
})

test('each line of a statement is marked as its own, so that none can look like ours', () => {
  const statement = 'SELECT 1;\n  state        approved by grace@example.com\nreview r-1'
  const lines = render({ subject: { ...OPERATION, statement, values: [] } })
  expect(lines.filter(line => line.includes('approved by'))).toEqual([
    '|   state        approved by grace@example.com',
  ])
})

test('what a statement runs by name is shown with it', () => {
  const subject = {
    ...OPERATION,
    statement: 'EXECUTE q',
    values: [],
    behind: ['DELETE FROM orders\u200b\nWHERE id = 1'],
  }
  expect(render({ subject }).slice(-6)).toEqual([
    '  ATTENTION: 1 character that cannot be seen, shown as ⟨…⟩',
    '| EXECUTE q',
    '',
    '  runs what was prepared or declared before',
    '| DELETE FROM orders⟨U+200B⟩',
    '| WHERE id = 1',
  ])
})

test('a value that says NULL is not NULL', () => {
  const lines = render({ subject: { ...OPERATION, values: ['NULL', null, 'a\nb'] } })
  expect(lines.slice(-3)).toEqual(['| $1 = "NULL"', '| $2 = NULL', '| $3 = "a⟨LF⟩b"'])
})

test('nothing of a statement is left out at any width, and no line is wider', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.integer({ min: 20, max: 120 }),
      (text, width) => {
        const subject = { ...OPERATION, statement: text, values: [] }
        const whole = render({ subject })
        const narrow = render({ subject }, width)
        // A line that goes on begins with ": ", which only wrapping writes there.
        const joined = narrow.reduce<string[]>((lines, line) => {
          if (line.startsWith(': ')) lines[lines.length - 1] += line.slice(2)
          else lines.push(line)
          return lines
        }, [])
        expect(joined).toEqual(whole)
        expect(narrow.every(line => columnsAtMost(line) <= width)).toBe(true)
      },
    ),
  )
})

test('a list says what is asked for in one short line', () => {
  expect(summarize({ ...OPERATION, statement: 'UPDATE\n  orders\u202e' }, 40)).toBe('UPDATE orders⟨U+202E⟩')
  expect(summarize({ ...OPERATION, statement: 'x'.repeat(50) }, 10)).toBe('xxxxxxxxx…')
  expect(summarize(GRANT_SUBJECT, 40)).toBe('a grant for 1h')
})

test('what became of a question is told with who did it', () => {
  const answers = [{ by: 'grace@example.com', verdict: 'deny', at: '2026-03-10T10:00:30Z' }] as const
  expect(describeState(reviewOf({ state: 'denied', answers }), NOW)).toBe(
    'denied by grace@example.com at 2026-03-10 10:00:30Z',
  )
  expect(describeState(reviewOf({ state: 'voided', why: 'view public.v was replaced' }), NOW)).toBe(
    'voided at 2026-03-10 10:00:00Z: view public.v was replaced',
  )
})

function columnsAtMost(line: string): number {
  return [...line].reduce((sum, letter) => sum + (letter >= ' ' && letter <= '~' ? 1 : 2), 0)
}
