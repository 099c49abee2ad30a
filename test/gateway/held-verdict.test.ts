import { beforeAll, expect, test } from 'vitest'
import type { PolicyDecision, ReviewDemand } from '../../src/domain/decision.js'
import { makeReviewId } from '../../src/domain/ids.js'
import { readRuleName } from '../../src/domain/names.js'
import type { BoundValues, Operation, SessionNames } from '../../src/domain/operation.js'
import { underReview } from '../../src/gateway/session/held-verdict.js'
import type { Verdict } from '../../src/protocols/protocol.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { demandBy } from './holds/waiting-desk.js'

beforeAll(loadPostgresGrammar)

const RULE = readRuleName('writes') ?? expect.unreachable()
const REVIEW = makeReviewId(size => new Uint8Array(size))
const DEMAND: ReviewDemand = { kind: 'review', demands: [demandBy(RULE)] }
const ALLOWED: PolicyDecision = { kind: 'allow', rule: undefined }
const NAMES: SessionNames = {
  behind: () => undefined,
  openedBy: name => (name === 'agreed' ? REVIEW : undefined),
}
const WHOLE: BoundValues = { values: ['1'], digest: 'ab', types: [], isWhole: true }

interface Case {
  readonly text?: string
  readonly operation?: Partial<Operation>
  readonly masking?: Verdict['decision']
  readonly demand?: ReviewDemand
  /** What policy says of the statements without those behind their names. */
  readonly alone?: PolicyDecision
}

function check(
  { text = 'UPDATE t SET a = 1', operation, masking, demand, alone }: Case,
  expected: string,
): void {
  const facts = readPostgresText(text)
  const verdict: Verdict = {
    decision: masking ?? { kind: 'allow', rule: undefined },
    facts,
    statements: [],
    masking: undefined,
    verbs: [],
    tables: [],
  }
  const asked = underReview({
    operation: { text, step: 'run', names: NAMES, ...operation },
    facts,
    verdict,
    demand: demand ?? DEMAND,
    decide: () => alone ?? DEMAND,
  })
  const { decision } = asked
  const why = decision.kind === 'deny' ? `: ${decision.message}` : ''
  const by = decision.kind === 'allow' && decision.review !== undefined ? ' by a review' : ''
  const later = 'reviewedWhenRun' in asked ? ', asked when it runs' : ''
  expect(`${decision.kind}${by}${why}${later}`).toBe(expected)
}

test('what runs is asked about, and what is only parsed when it runs', () => {
  check({}, 'review')
  check({ operation: { bound: WHOLE } }, 'review')
  check({ operation: { step: 'prepare' } }, 'allow, asked when it runs')
})

test('nobody is asked about what is refused anyway, or what they could not be shown', () => {
  const masking = { kind: 'deny', rule: RULE, message: 'it would show a card', hint: undefined } as const
  check({ masking }, 'deny: it would show a card')
  check({ masking, operation: { step: 'prepare' } }, 'deny: it would show a card')
  check({ masking, operation: { continues: REVIEW } }, 'deny: it would show a card')
  check({ operation: { transaction: 'failed' } }, 'deny: its transaction has failed, so nobody is asked')
  check({ operation: { transaction: 'open' } }, 'review')
  const unseen = 'definitions were changed in its transaction, which nobody asked could see'
  check({ operation: { transaction: 'open', definesUncommitted: true } }, `deny: ${unseen}`)
  check({ operation: { step: 'prepare', definesUncommitted: true } }, 'allow, asked when it runs')
  check({ operation: { continues: REVIEW, definesUncommitted: true } }, 'allow by a review')
  const cut = { ...WHOLE, isWhole: false }
  check({ operation: { bound: cut } }, 'deny: its values are too large to be shown to whoever would be asked')
  check({ demand: { kind: 'review', demands: [] } }, 'deny: nobody can be asked')
})

test('the rest of what people agreed to runs on, and nothing else does', () => {
  check({ operation: { continues: REVIEW } }, 'allow by a review')
  check({ text: 'FETCH 5 FROM agreed', alone: ALLOWED }, 'allow by a review')
  check({ text: 'FETCH 5 FROM agreed' }, 'review')
  check({ text: 'FETCH 5 FROM other', alone: ALLOWED }, 'review')
  check({ text: 'FETCH 5 FROM agreed; UPDATE t SET a = 1', alone: ALLOWED }, 'review')
  check({ text: 'FETCH 5 FROM agreed; FETCH 5 FROM other', alone: ALLOWED }, 'review')
  check({ text: 'EXECUTE agreed', alone: ALLOWED }, 'review')
})
