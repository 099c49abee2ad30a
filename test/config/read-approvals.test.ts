import { expect, test } from 'vitest'
import type { Config } from '../../src/config/config.js'
import { renderProblem } from '../../src/config/problem.js'
import { readConfig } from '../../src/config/read-config.js'
import { SMALL } from './example.js'

const OPTIONS = { file: 'hoop.yaml', directory: '/etc/hoop' }

/** The small file with an approval that an access rule and a statement rule ask for. Lines are counted: keep them. */
const ASKING = `${SMALL.replace('for: 8h }', 'for: 8h, approval: a-dba }').replace(
  'then: deny }',
  'then: review, approval: a-dba }',
)}approvals:
  - { name: a-dba, groups: [dba] }
`

function read(text: string): Config {
  const answer = readConfig(text, OPTIONS)
  if (!answer.ok) throw new Error(answer.problems.map(renderProblem).join(', '))
  return answer.config
}

/** Checks what is said about the file after one change: each problem as `line:column: message`. */
function check(title: string, [from, to]: readonly [string, string], ...problems: readonly string[]): void {
  test(title, () => {
    expect(ASKING).toContain(from)
    const answer = readConfig(ASKING.replace(from, to), OPTIONS)
    const found = (answer.ok ? answer.warnings : answer.problems).map(renderProblem)
    expect(found).toEqual(problems.map(problem => `hoop.yaml:${problem}`))
  })
}

test('an approval has its defaults, and the rules that ask for it have its terms', () => {
  const { approvals, access, statements } = read(ASKING)
  expect(approvals).toEqual([
    {
      name: 'a-dba',
      groups: ['dba'],
      manager: false,
      count: 1,
      waitMs: 900_000,
      waitInTransactionMs: 60_000,
      validMs: 300_000,
      reasonRequired: false,
    },
  ])
  expect(access[0]?.approval).toEqual(approvals[0])
  expect(statements[0]).toMatchObject({ effect: 'review', terms: approvals[0] })
})

test('a question in a transaction waits no longer than elsewhere', () => {
  const text = ASKING.replace('groups: [dba] }', 'groups: [dba], wait: 10s }')
  expect(read(text).approvals[0]).toMatchObject({ waitMs: 10_000, waitInTransactionMs: 10_000 })
})

test('windows and the right to break the glass are read', () => {
  const during = 'during: [{ days: [mon, fri], from: "08:00", to: "24:00", zone: Europe/Berlin }]'
  const [rule] = read(
    ASKING.replace('approval: a-dba }', `approval: a-dba, break_glass: true, ${during} }`),
  ).access
  expect(rule).toMatchObject({
    breakGlass: true,
    during: [{ days: ['mon', 'fri'], fromMinute: 480, toMinute: 1440, zone: 'Europe/Berlin' }],
  })
})

test('a rule without them has none', () => {
  const [rule] = read(SMALL).access
  expect(Object.keys(rule ?? {})).not.toEqual(expect.arrayContaining(['approval', 'during', 'breakGlass']))
})

test('claims for the person and the manager are read where they are named', () => {
  const named = SMALL.replace(
    'client_id: hoop }',
    'client_id: hoop, claims: { person: employee, manager: boss } }',
  )
  expect(read(named).identity.claims).toEqual({
    name: 'email',
    groups: 'groups',
    person: 'employee',
    manager: 'boss',
  })
})

check('the file is a configuration without a word', ['a-dba', 'a-dba'])
check(
  'an approval that is not there',
  ['for: 8h, approval: a-dba', 'for: 8h, approval: a-dbb'],
  '18:98: approval "a-dbb" is not known: did you mean "a-dba"',
)
check(
  'the same of a statement rule',
  ['review, approval: a-dba', 'review, approval: dbas'],
  '20:73: approval "dbas" is not known: it is not among the approvals',
)
check(
  'a review without an approval',
  [', approval: a-dba }\nmasking', ' }\nmasking'],
  '20:55: rule "house-rule" cannot be used: review needs approval',
)
check(
  'an approval beside another verdict',
  ['then: review', 'then: allow'],
  '20:62: "approval" has no effect with then: allow: expected then: review',
)
check(
  'an approval that nobody could give',
  ['groups: [dba] }', 'groups: [] }'],
  '25:28: approval "a-dba" cannot be used: nobody may answer, expected groups or manager',
)
check(
  'an approval by everyone',
  ['groups: [dba] }', 'groups: ["*"] }'],
  '25:28: approval "a-dba" cannot be used: "*" would be everyone, expected names of groups',
)
check(
  'two approvals of one name',
  ['groups: [dba] }', 'groups: [dba] }\n  - { name: a-dba, groups: [x] }'],
  '26:13: name "a-dba" is taken by an entry above',
)
check(
  'a manager whom no claim names',
  ['groups: [dba] }', 'groups: [dba], manager: true }'],
  '25:44: warning: approval "a-dba" asks a manager that nobody knows: "identity.claims.manager" is not set',
)
check(
  'a count of nobody',
  ['groups: [dba] }', 'groups: [dba], count: 0 }'],
  '25:42: "approvals[0].count" cannot be read: expected a whole number from 1',
)
check(
  'a count of a crowd',
  ['groups: [dba] }', 'groups: [dba], count: 11 }'],
  '25:42: "approvals[0].count" cannot be read: expected at most 10',
)
check(
  'a wait without end',
  ['groups: [dba] }', 'groups: [dba], wait: 8d }'],
  '25:41: approval "a-dba" cannot be used: expected "wait" of at most 7d',
)
check(
  'a yes without end',
  ['groups: [dba] }', 'groups: [dba], valid: 8d }'],
  '25:42: approval "a-dba" cannot be used: expected "valid" of at most 7d',
)
check(
  'a wait in a transaction that is longer than the wait',
  ['groups: [dba] }', 'groups: [dba], wait: 1m, wait_in_transaction: 2m }'],
  '25:66: approval "a-dba" cannot be used: expected "wait_in_transaction" of at most "wait"',
)
check(
  'breaking the glass without anybody to look at it',
  ['for: 8h, approval: a-dba', 'for: 8h, break_glass: true'],
  '18:101: rule "engineers" cannot be used: break_glass needs approval, whose people look at it afterwards',
)
check(
  'a zone that no clock has',
  ['for: 8h,', 'for: 8h, during: [{ from: "08:00", to: "18:00", zone: Mars/Olympus }],'],
  '18:133: "access[0].during[0].zone" cannot be read: expected a time zone such as Europe/Berlin or UTC',
)
check(
  'a window without a zone',
  ['for: 8h,', 'for: 8h, during: [{ from: "08:00", to: "18:00" }],'],
  '18:97: "access[0].during[0].zone" is missing: expected a time zone such as Europe/Berlin or UTC',
)
check(
  'an hour that is none',
  ['for: 8h,', 'for: 8h, during: [{ from: "8:00", to: "24:01", zone: UTC }],'],
  '18:105: "access[0].during[0].from" cannot be read: expected a time of day such as "08:00", up to "24:00"',
  '18:117: "access[0].during[0].to" cannot be read: expected a time of day such as "08:00", up to "24:00"',
)
check(
  'a day that is none',
  ['for: 8h,', 'for: 8h, during: [{ days: [monday], from: "08:00", to: "18:00", zone: UTC }],'],
  '18:106: "access[0].during[0].days[0]" cannot be read: expected one of sun, mon, tue, wed, thu, fri, sat',
)
