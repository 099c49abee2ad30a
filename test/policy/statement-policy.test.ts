import { expect, test } from 'vitest'
import { compileStatementPolicy } from '../../src/policy/statement-policy.js'
import { rule } from './asked.js'

/** Checks why a condition does not compile, and where: `line:column message`. */
function check(when: string, problem: string | RegExp): void {
  test(`${when.slice(0, 60)} does not compile`, () => {
    const compiled = compileStatementPolicy([rule(when)], {
      defaultRulesOff: [],
      statementDefault: 'allow',
    })
    const found = compiled.ok ? [] : compiled.problems
    expect(found.map(one => `${one.rule} ${one.line}:${one.column} ${one.message}`)).toEqual([
      typeof problem === 'string' ? `house-rule ${problem}` : expect.stringMatching(problem),
    ])
  })
}

check('statement.verb ==', '1:18 Unexpected token: EOF')
check('statement.verb > 3', '1:1 no such overload: string > int')
check('statement.verbs == "SELECT"', '1:11 No such key: verbs')
check('statement.verb\n  == unknown', '2:6 Unknown variable: unknown')
check('statement.verb', '1:1 the expression must be true or false, and is a string')
check('dyn("yes")', '1:1 the expression must be true or false, and is a dyn')
check('', /1:1 /)
check('now() > 1', /1:1 /)
check('statement.text.matches(principal.name)', '1:1 matches() takes a pattern in quotes')
check('statement.text.matches("(")', /1:24 the pattern is not a regular expression of RE2/)
check('statement.text.matches("(?=a)")', /1:24 the pattern is not a regular expression of RE2/)
check(`statement.text.matches("${'a'.repeat(1001)}")`, '1:24 a pattern is longer than 1000 characters')
check('statement.text.matches_linear("a")', '1:1 there is no function "matches_linear"')
check(
  'statement.tables.exists(a, statement.tables.exists(b, statement.tables.exists(c, a == c)))',
  '1:55 loops nest more than 2 deep',
)
check(`role == "${'a'.repeat(10_000)}"`, '1:1 the expression is longer than 10000 characters')
check(`${'('.repeat(5000)}true${')'.repeat(5000)}`, /1:/)
check(`${'!'.repeat(9_000)}true`, /1:/)

test('every rule that does not compile is named, not only the first', () => {
  const compiled = compileStatementPolicy([rule('1'), rule('true'), rule('2')], {
    defaultRulesOff: [],
    statementDefault: 'allow',
  })
  expect(compiled.ok ? [] : compiled.problems).toHaveLength(2)
})
