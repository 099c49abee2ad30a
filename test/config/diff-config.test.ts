import { expect, test } from 'vitest'
import type { Config } from '../../src/config/config.js'
import { diffConfig } from '../../src/config/diff-config.js'
import { readConfig } from '../../src/config/read-config.js'
import { SMALL } from './example.js'

function configOf(text: string): Config {
  const read = readConfig(text, { file: 'hoop.yaml', directory: '/etc/hoop' })
  if (!read.ok) throw new Error(JSON.stringify(read.problems))
  return read.config
}

/** Checks what is told of a change of the small file. */
function check(title: string, [from, to]: readonly [string, string], ...changes: readonly string[]): void {
  test(title, () => {
    expect(SMALL).toContain(from)
    expect(diffConfig(configOf(SMALL), configOf(SMALL.replace(from, to)))).toEqual(changes)
  })
}

const second = (name: string): string =>
  `  - { name: ${name}, groups: [eng], connections: [prod-*], roles: [reader], for: 1h }\n`

check('a comment changes nothing', ['access:', '# hello\naccess:'])
check(
  'a value is told with what it was',
  ['db:5432', 'db2:5432'],
  'connections "prod-db".host changed from "db" to "db2"',
)
check(
  'a rule is told by its name',
  ['for: 8h', 'for: 4h'],
  'access "engineers".durationMaxMs changed from 28800000 to 14400000',
)
check('an entry that is new is told', ['access:\n', `access:\n${second('more')}`], 'access "more" was added')
check(
  'an entry that is gone is told',
  ['    - { name: cards, columns: [public.payments.card], strategy: redact }', '    []'],
  'masking.rules "cards" was removed',
)
check(
  'a masking rule is told by its name',
  ['strategy: redact', 'strategy: "null"'],
  'masking.rules "cards".rule.strategy.kind changed from "redact" to "null"',
)
check(
  'a reference to a secret is told',
  ['env:READER', 'env:OTHER'],
  'connections "prod-db".roles "reader".credential.password changed from env:READER to env:OTHER',
)
check(
  'a literal secret is not told',
  ['env:READER', 'literal:hunter2'],
  'connections "prod-db".roles "reader".credential.password changed from env:READER to literal:…',
)
check(
  'another mode of masking is told for each connection',
  ['masking:\n', 'masking:\n  mode: strict\n'],
  'connections "prod-db".masking changed from "lineage" to "strict"',
)
check(
  'a shipped rule that is turned off is told',
  ['masking:\n', 'defaults_off: [no-drop]\nmasking:\n'],
  'defaultRulesOff changed from [] to ["no-drop"]',
)

test('a literal secret that became another one is told without either', () => {
  const before = configOf(SMALL.replace('env:READER', 'literal:hunter2'))
  const after = configOf(SMALL.replace('env:READER', 'literal:hunter3'))
  expect(diffConfig(before, after)).toEqual([
    'connections "prod-db".roles "reader".credential.password changed',
  ])
})

test('a new entry with a literal secret does not show it', () => {
  const before = configOf(SMALL)
  const roles = '      - { name: reader, user: r, password: env:READER }\n'
  const after = configOf(
    SMALL.replace(roles, `${roles}      - { name: writer, user: w, password: literal:hunter2 }\n`),
  )
  expect(diffConfig(before, after)).toEqual(['connections "prod-db".roles "writer" was added'])
})

test('another order is told, because it decides', () => {
  const before = configOf(SMALL.replace('access:\n', `access:\n${second('more')}`))
  const after = configOf(SMALL.replace('statements:\n', `${second('more')}statements:\n`))
  expect(diffConfig(before, after)).toEqual(['access are in another order'])
})
