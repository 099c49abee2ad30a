import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../../src/config/read-config.js'
import { checkCases } from '../../src/gateway/explain/check-cases.js'
import { readCases } from '../../src/gateway/explain/policy-cases.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { configText } from './gateway-fixture.js'

const HOOPD = fileURLToPath(new URL('../../bin/hoopd.js', import.meta.url))
const NOON = new Date('2026-03-10T12:30:00Z')
const CONFIG =
  configText(`  - { name: emergency, groups: [on-call], connections: [prod-db], roles: [writer], for: 1h, break_glass: true, approval: a-dba }
approvals:
  - { name: a-dba, groups: [dba] }
statements:
  - { name: deletes, when: 'statement.verb == "DELETE"', then: review, approval: a-dba }
  - { name: from-t, when: '"t" in statement.written_tables && statement.verb == "DELETE"', then: review, approval: a-dba }
  - { name: no-notes, when: '"notes" in statement.tables', then: deny }
  - { name: at-night, when: 'statement.writes && now.hour < 6', then: deny, message: sleep }
  - { name: ada-may, when: 'principal.name == "ada"', then: allow }
`)

beforeAll(loadPostgresGrammar)

function cases(text: string) {
  const read = readCases(text, 'cases.yaml')
  if (!read.ok) throw new Error(JSON.stringify(read.problems))
  return read.cases
}

async function run(text: string) {
  const read = readConfig(CONFIG, { file: 'hoop.yaml', directory: '/etc/hoop' })
  if (!read.ok) throw new Error(JSON.stringify(read.problems))
  return checkCases(read.config, cases(text), { readFacts: readPostgresText, now: NOON })
}

const flow = (more: string) => `- { as: { groups: [engineering] }, connection: prod-db, ${more} }\n`

/** A case of somebody in `engineering` that is as expected, and that is not when the expectation is turned around. */
async function check(more: string, expected: 'allow' | 'review' | 'deny') {
  expect((await run(flow(`${more}, expect: ${expected}`))).failed).toEqual([])
  const other = expected === 'allow' ? 'deny' : 'allow'
  expect((await run(flow(`${more}, expect: ${other}`))).failed).toHaveLength(1)
}

describe('a case', () => {
  test('is decided by the rules of the file and the shipped ones', async () => {
    await check('statement: SELECT 1', 'allow')
    await check('statement: DELETE FROM t', 'deny')
    await check('statement: DELETE FROM t, rule: no-bare-delete', 'deny')
    await check('statement: SELECT FROM notes, rule: no-notes', 'deny')
    await check('statement: "PREPARE p AS DELETE FROM t; EXECUTE p", rule: no-bare-delete', 'deny')
    await check('statement: SELEC, rule: not-understood', 'deny')
  })

  test('with a rule fails when another rule gave the answer', async () => {
    const { failed } = await run(flow('statement: DROP TABLE t, expect: deny, rule: no-truncate'))
    expect(failed).toEqual([
      {
        line: 1,
        connection: 'prod-db',
        statement: 'DROP TABLE t',
        expected: 'deny by "no-truncate"',
        found: expect.stringMatching(/^deny by "no-drop": /),
      },
    ])
  })

  test('of a statement that people have to agree to is a review, by each of the rules that ask', async () => {
    await check('statement: DELETE FROM t WHERE id = 1', 'review')
    await check('statement: DELETE FROM t WHERE id = 1, rule: deletes', 'review')
    await check('statement: DELETE FROM t WHERE id = 1, rule: from-t', 'review')
    await check('statement: DELETE FROM t', 'deny')
    const [failed] = (await run(flow('statement: DELETE FROM t WHERE id = 1, expect: review, rule: no-drop')))
      .failed
    expect(failed?.found).toBe('review by "deletes", "from-t"')
  })

  test('of who broke the glass is held by nobody, and denied all the same', async () => {
    const glass = (more: string) =>
      `- { as: { groups: [on-call] }, connection: prod-db, break_glass: true, ${more} }`
    const statement = 'statement: DELETE FROM t WHERE id = 1'
    expect((await run(glass(`${statement}, expect: allow, rule: deletes`))).failed).toEqual([])
    expect((await run(glass('statement: DELETE FROM t, expect: deny'))).failed).toEqual([])
    expect((await run(flow(`break_glass: true, ${statement}, expect: allow`))).failed[0]?.found).toContain(
      'no access rule',
    )
    const normal = glass(`${statement}, expect: allow`).replace('break_glass: true, ', '')
    expect((await run(normal)).failed[0]?.found).toContain('no access rule')
  })

  test('is asked at its own time, or at the time of the run', async () => {
    await check('statement: INSERT INTO t VALUES (1)', 'allow')
    await check('statement: INSERT INTO t VALUES (1), at: "2026-03-10T03:00:00Z", rule: at-night', 'deny')
  })

  test('is asked as the person it names', async () => {
    const ada = (more: string) =>
      `- { as: { groups: [engineering], name: ada }, connection: prod-db, ${more} }`
    expect((await run(ada('statement: SELECT 1, expect: allow, rule: ada-may'))).failed).toEqual([])
    const [failed] = (await run(flow('statement: SELECT 1, expect: allow, rule: ada-may'))).failed
    expect(failed?.found).toBe('allow')
  })

  test('without access is a denial, and by no statement rule', async () => {
    const eve = (more: string) =>
      `- { as: { groups: [sales] }, connection: prod-db, statement: SELECT 1, ${more} }`
    expect((await run(eve('expect: deny'))).failed).toEqual([])
    expect((await run(eve('expect: allow'))).failed[0]?.found).toContain('no access rule')
    expect((await run(eve('expect: deny, rule: no-drop'))).failed).toHaveLength(1)
    const hidden =
      '- { as: { groups: [engineering] }, connection: hidden-db, statement: SELECT 1, expect: deny }'
    expect((await run(hidden)).failed).toEqual([])
  })

  test('about what is not there is no denial, but a slip', async () => {
    const nowhere = '- { as: { groups: [] }, connection: nowhere, statement: SELECT 1, expect: deny }'
    expect((await run(nowhere)).failed[0]?.found).toBe('there is no connection "nowhere"')
    const role = flow('role: owner, statement: SELECT 1, expect: deny')
    expect((await run(role)).failed[0]?.found).toBe('"prod-db" has no role "owner"')
  })

  test('has the line at which it begins', async () => {
    const text = `# cases\n${flow('statement: SELECT 1, expect: allow')}\n${flow('statement: SELECT 1, expect: deny')}`
    const { failed, caseCount } = await run(text)
    expect([caseCount, failed.map(one => one.line)]).toEqual([2, [4]])
  })
})

describe('a file of cases', () => {
  function problems(text: string): readonly string[] {
    const read = readCases(text, 'cases.yaml')
    return read.ok ? [] : read.problems.map(({ line, message }) => `${line}: ${message}`)
  }

  test.each([
    ['{}', /expected a list of cases/],
    ['- 7', /expected keys with values/],
    [flow('statement: SELECT 1'), /"\[0\].expect" is missing: expected allow, review or deny/],
    [
      flow('statement: SELECT 1, expect: maybe'),
      /"\[0\].expect" cannot be read: expected allow, review or deny/,
    ],
    [flow('statement: 1, expect: deny'), /"\[0\].statement" cannot be read: expected a text/],
    [flow('statement: SELECT 1, expect: deny, rule: "A B"'), /"\[0\].rule" cannot be read/],
    [flow('statement: SELECT 1, expect: deny, at: noon'), /expected a time in UTC/],
    [
      flow('statment: SELECT 1, statement: SELECT 1, expect: deny'),
      /"statment" is not known here: did you mean "statement"/,
    ],
    ['- [', /the file is not YAML/],
  ])('%s is refused with its place', (text, message) => {
    expect(problems(text)).toEqual([expect.stringMatching(message)])
  })

  test('may be empty of cases', () => {
    expect(cases('[]')).toEqual([])
  })
})

describe('hoopd check --cases', () => {
  function hoopd(files: Readonly<Record<string, string>>, args: readonly string[]) {
    const directory = mkdtempSync(join(tmpdir(), 'hoop-cases-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
    return new Promise<{ code: number; stdout: string; stderr: string }>(resolve => {
      const child = execFile(
        process.execPath,
        [HOOPD, 'check', ...args],
        { cwd: directory },
        (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
      )
    })
  }
  const good = flow('statement: SELECT 1, expect: allow')
  const bad = flow('statement: "DROP TABLE t -- \\e[2J", expect: allow, at: "2026-03-10T12:00:00Z"')

  test('ends with 0 when every case is as expected, and says what was not asked', async () => {
    const ran = await hoopd({ 'hoop.yaml': CONFIG, 'cases.yaml': good }, [
      'hoop.yaml',
      '--cases',
      'cases.yaml',
    ])
    expect(ran).toEqual({
      code: 0,
      stdout: '1 of 1 cases are as expected; names stood for themselves, masking was not asked\n',
      stderr: '',
    })
  })

  test('ends with 65 when one is not, one line each, and a terminal does nothing with it', async () => {
    const files = { 'hoop.yaml': CONFIG, 'cases.yaml': good + bad }
    const ran = await hoopd(files, ['hoop.yaml', '--cases', 'cases.yaml'])
    expect([ran.code, ran.stdout.split('\n')]).toEqual([
      65,
      [
        expect.stringMatching(/^cases\.yaml:2: expected allow, found deny by "no-drop": .*⟨ESC⟩\[2J\)$/),
        '1 of 2 cases are as expected; names stood for themselves, masking was not asked',
        '',
      ],
    ])
    const json = await hoopd(files, ['hoop.yaml', '--cases', 'cases.yaml', '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ caseCount: 2, failed: [{ line: 2, expected: 'allow' }] })
  })

  test('ends with 78 when a file cannot be used', async () => {
    const missing = await hoopd({ 'hoop.yaml': CONFIG }, ['hoop.yaml', '--cases', 'cases.yaml'])
    expect([missing.code, missing.stderr]).toEqual([
      78,
      expect.stringContaining('Cannot read cases "cases.yaml"'),
    ])
    const wrong = await hoopd({ 'hoop.yaml': CONFIG, 'cases.yaml': '- 7' }, [
      'hoop.yaml',
      '--cases',
      'cases.yaml',
    ])
    expect([wrong.code, wrong.stderr]).toEqual([78, expect.stringContaining('cases.yaml:1:')])
  })
})
