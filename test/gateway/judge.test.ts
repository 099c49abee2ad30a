import { beforeAll, expect, test } from 'vitest'
import type { Catalog } from '../../src/domain/catalog.js'
import type { StatementFacts, TextFacts } from '../../src/domain/facts.js'
import { readRuleName } from '../../src/domain/names.js'
import { type DecisionInput, makeJudge } from '../../src/gateway/session/judge.js'
import { makeMasker } from '../../src/masking/masker.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'

beforeAll(loadPostgresGrammar)

const EMPTY: Catalog = {
  version: 1,
  byOid: new Map(),
  byName: new Map(),
  userFunctions: new Set(),
  firstUserOid: 16384,
}
const RULE = readRuleName('no-delete') ?? expect.unreachable()

const fresh = (catalog: Catalog) => ({ kind: 'fresh', catalog }) as const

/** A judge that denies any text or name behind which there is a DELETE. */
function setup(catalog: () => Catalog | Promise<Catalog> = () => EMPTY) {
  const asked: DecisionInput[] = []
  const judge = makeJudge({
    readFacts: text => readPostgresText(text),
    catalog: () => {
      const now = catalog()
      return now instanceof Promise ? now.then(fresh) : fresh(now)
    },
    decide: input => {
      asked.push(input)
      if (!input.facts.understood)
        return { kind: 'deny', rule: RULE, message: input.facts.reason, hint: undefined }
      const deletes = input.statements.some(one => one.commands.some(command => command.verb === 'DELETE'))
      if (deletes) return { kind: 'deny', rule: RULE, message: 'no', hint: undefined }
      return { kind: 'allow', rule: undefined }
    },
    maskerFor: () => undefined,
  })
  return { judge, asked }
}

const statementsOf = (facts: TextFacts): readonly StatementFacts[] =>
  facts.understood ? facts.statements : []
const nobody = { behind: () => undefined }

async function verdict(text: string, names: Parameters<typeof ask>[1] = nobody) {
  return ask(text, names)
}

function ask(
  text: string,
  names: { behind: (kind: 'prepared' | 'cursor', name: string) => readonly StatementFacts[] | undefined },
) {
  return setup().judge({ text, step: 'run', names })
}

test('EXECUTE and FETCH are judged by what stands behind the name', async () => {
  const behind = statementsOf(readPostgresText('DELETE FROM orders WHERE id = 1'))
  const names = { behind: (_kind: string, name: string) => (name === 'p' ? behind : undefined) }
  expect((await verdict('EXECUTE p', names)).decision.kind).toBe('deny')
  expect((await verdict('FETCH 10 FROM p', names)).decision.kind).toBe('deny')
})

test('a name made earlier in the same text counts', async () => {
  expect((await verdict('PREPARE q AS SELECT 1; EXECUTE q')).decision.kind).toBe('allow')
  expect((await verdict('PREPARE q AS DELETE FROM t; EXECUTE q')).decision.kind).toBe('deny')
})

test('a name nobody knows is not understood', async () => {
  const { facts, decision } = await verdict('EXECUTE nowhere')
  expect(facts).toMatchObject({ understood: false })
  expect(decision.kind).toBe('deny')
})

test('what stands behind a name is looked up each time, whatever was remembered of the text', async () => {
  const { judge } = setup()
  const harmless = statementsOf(readPostgresText('SELECT 1'))
  const harmful = statementsOf(readPostgresText('DELETE FROM t'))
  const first = await judge({ text: 'EXECUTE p', step: 'run', names: { behind: () => harmless } })
  const second = await judge({ text: 'EXECUTE p', step: 'run', names: { behind: () => harmful } })
  expect([first.decision.kind, second.decision.kind]).toEqual(['allow', 'deny'])
})

test('a verdict is at once when everything is known, and a promise while the catalog is read', async () => {
  expect(setup().judge({ text: 'SELECT 1', step: 'run', names: nobody })).not.toBeInstanceOf(Promise)
  const waiting = setup(() => Promise.resolve(EMPTY)).judge({ text: 'SELECT 1', step: 'run', names: nobody })
  expect(waiting).toBeInstanceOf(Promise)
  expect((await waiting).decision.kind).toBe('allow')
})

test('the function that resolves tables stays the same for a catalog and changes with it', async () => {
  let catalog = EMPTY
  const { judge, asked } = setup(() => catalog)
  for (const text of ['SELECT 1', 'SELECT 2']) await judge({ text, step: 'run', names: nobody })
  catalog = { ...EMPTY, version: 2 }
  await judge({ text: 'SELECT 1', step: 'run', names: nobody })
  expect(asked[0]?.resolveTables).toBe(asked[1]?.resolveTables)
  expect(asked[2]?.resolveTables).not.toBe(asked[1]?.resolveTables)
})

test('a text is masked by the rules in force, also when it was judged under others before', async () => {
  const hashKey = Buffer.alloc(32)
  const make = (name: string) =>
    makeMasker({
      rules: [
        { kind: 'detector', name: ruleNamed(name), detectors: ['email'], strategy: { kind: 'redact' } },
      ],
      catalog: EMPTY,
      hashKey,
      mode: 'lineage',
    })
  let masker: ReturnType<typeof make> | undefined
  const facts = readPostgresText('SELECT 1')
  const judge = makeJudge({
    readFacts: () => facts,
    catalog: () => fresh(EMPTY),
    decide: () => ({ kind: 'allow', rule: undefined }),
    maskerFor: () => masker,
  })
  const maskingOf = async () => {
    const judged = await judge({ text: 'SELECT 1', step: 'run', names: nobody })
    return judged.masking
  }
  expect(await maskingOf()).toBeUndefined()
  masker = make('one')
  const first = await maskingOf()
  expect(first).toBeDefined()
  expect(await maskingOf()).toBe(first)
  masker = make('two')
  expect(await maskingOf()).not.toBe(first)
  masker = undefined
  expect(await maskingOf()).toBeUndefined()
})

function ruleNamed(text: string) {
  return readRuleName(text) ?? expect.unreachable()
}
