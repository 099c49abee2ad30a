import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ApprovalTerms } from '../../src/domain/approval.js'
import { countApprovals, isSamePerson, mayAnswer } from '../../src/domain/approval-count.js'
import type { ApprovalDemand } from '../../src/domain/decision.js'
import { readRuleName } from '../../src/domain/names.js'
import type { Principal } from '../../src/domain/principal.js'

const ISSUER = 'https://id.example'
const AT = new Date('2026-03-01T10:00:00Z')

function person(name: string, groups: readonly string[] = [], more: Partial<Principal> = {}): Principal {
  return { issuer: ISSUER, subject: `u-${name}`, name: `${name}@example.com`, groups, ...more }
}

function demand(groups: readonly string[], more: Partial<ApprovalTerms> = {}): ApprovalDemand {
  const rule = readRuleName('a-rule')
  if (rule === undefined) throw new Error('the test made a name that is none')
  const times = { waitMs: 1, waitInTransactionMs: 1, validMs: 1, reasonRequired: false }
  return {
    rule,
    message: undefined,
    terms: { name: 'terms', groups, manager: false, count: 1, ...times, ...more },
  }
}

interface Case {
  readonly requester?: Principal
  readonly demands: readonly ApprovalDemand[]
  readonly yes: readonly Principal[]
  /** How some of them were seen last. */
  readonly seen?: readonly Principal[]
}

function count({ requester = person('ada', ['engineering']), demands, yes, seen = [] }: Case) {
  const answers = yes.map(
    by => ({ by, verdict: 'approve', comment: undefined, at: AT, address: '' }) as const,
  )
  return countApprovals({ requester, demands, answers }, one =>
    seen.find(other => other.issuer === one.issuer && other.subject === one.subject),
  )
}

function check(
  name: string,
  asked: Case,
  expected: { readonly met: boolean; readonly given: readonly number[] },
) {
  test(name, () => expect(count(asked)).toEqual(expected))
}

const [DBA, LEAD, BOTH] = [person('dee', ['dba']), person('lou', ['leads']), person('bo', ['dba', 'leads'])]

describe('yeses count', () => {
  check(
    'not at all when nobody said any',
    { demands: [demand(['dba'])], yes: [] },
    { met: false, given: [0] },
  )
  check('by a group', { demands: [demand(['dba'])], yes: [DBA] }, { met: true, given: [1] })
  check(
    'not from outside of the group',
    { demands: [demand(['dba'])], yes: [LEAD] },
    { met: false, given: [0] },
  )
  check(
    'once for each person, also when one says it twice',
    { demands: [demand(['dba'], { count: 2 })], yes: [DBA, { ...DBA, name: 'other' }] },
    { met: false, given: [1] },
  )
  check(
    'once for a person of two groups',
    { demands: [demand(['dba']), demand(['leads'])], yes: [BOTH] },
    { met: false, given: [1, 0] },
  )
  check(
    'for the demand that another cannot meet',
    { demands: [demand(['dba', 'leads']), demand(['leads'])], yes: [BOTH, DBA] },
    { met: true, given: [1, 1] },
  )
  check(
    'for the demand that another cannot meet, in the other order',
    { demands: [demand(['dba']), demand(['leads'])], yes: [BOTH, DBA] },
    { met: true, given: [1, 1] },
  )
  check(
    'once for two accounts of one person',
    {
      demands: [demand(['dba'], { count: 2 })],
      yes: [person('dee', ['dba'], { person: 'p1' }), person('dee-admin', ['dba'], { person: 'p1' })],
    },
    { met: false, given: [1] },
  )
  check(
    'once for two accounts that a third one links',
    {
      demands: [demand(['dba'], { count: 2 })],
      yes: [person('dee', ['dba']), person('dee2', ['dba'], { person: 'p1' })],
      seen: [person('dee', ['dba'], { person: 'p1' })],
    },
    { met: false, given: [1] },
  )
  check(
    'not of the requester, by any account',
    {
      requester: person('ada', [], { person: 'p1' }),
      demands: [demand(['dba'])],
      yes: [person('ada', ['dba']), person('ada-admin', ['dba'], { person: 'p1' })],
    },
    { met: false, given: [0] },
  )
  check(
    'not of an account that turned out to be the requester since',
    {
      demands: [demand(['dba'])],
      yes: [DBA],
      seen: [{ ...DBA, person: 'p1' }, person('ada', [], { person: 'p1' })],
    },
    { met: false, given: [0] },
  )
  check(
    'not any more when the group is gone',
    { demands: [demand(['dba'])], yes: [DBA], seen: [{ ...DBA, groups: [] }] },
    { met: false, given: [0] },
  )
  check(
    'not when the group came after the answer',
    { demands: [demand(['dba'])], yes: [LEAD], seen: [{ ...LEAD, groups: ['dba'] }] },
    { met: false, given: [0] },
  )
  check(
    'of the manager, by subject',
    {
      requester: person('ada', [], { manager: 'u-max' }),
      demands: [demand([], { manager: true })],
      yes: [person('max')],
    },
    { met: true, given: [1] },
  )
  check(
    'of the manager, by name',
    {
      requester: person('ada', [], { manager: 'max@example.com' }),
      demands: [demand([], { manager: true })],
      yes: [person('max')],
    },
    { met: true, given: [1] },
  )
  check(
    'not of a namesake of the manager at another provider',
    {
      requester: person('ada', [], { manager: 'u-max' }),
      demands: [demand([], { manager: true })],
      yes: [person('max', [], { issuer: 'https://elsewhere.example' })],
    },
    { met: false, given: [0] },
  )
  check(
    'not of the manager where only groups may answer',
    { requester: person('ada', [], { manager: 'u-max' }), demands: [demand(['dba'])], yes: [person('max')] },
    { met: false, given: [0] },
  )
  check(
    'not of who is the manager no longer',
    {
      requester: person('ada', [], { manager: 'u-max' }),
      demands: [demand([], { manager: true })],
      yes: [person('max')],
      seen: [person('ada', [], { manager: 'u-moe' })],
    },
    { met: false, given: [0] },
  )
})

describe('one account', () => {
  test('of a person is the same person as another one only where the provider says so', () => {
    expect(isSamePerson(person('a'), person('b'))).toBe(false)
    expect(isSamePerson(person('a', [], { person: 'p' }), person('b', [], { person: 'p' }))).toBe(true)
    expect(isSamePerson(person('a'), { ...person('a'), name: 'renamed' })).toBe(true)
  })

  test('may not answer its own question, whatever groups it has', () => {
    const requester = person('ada', ['dba'])
    expect(mayAnswer({ requester, demands: [demand(['dba'])] }, requester, () => undefined)).toBe(false)
  })
})

const GROUPS = ['a', 'b', 'c'] as const
const somebody = fc
  .record({
    number: fc.nat(5),
    groups: fc.subarray([...GROUPS]),
    human: fc.option(fc.nat(2), { nil: undefined }),
  })
  .map(({ number, groups, human }) =>
    person(`p${number}`, groups, human === undefined ? {} : { person: `h${human}` }),
  )
const someDemand = fc
  .record({ groups: fc.subarray([...GROUPS]), count: fc.integer({ min: 1, max: 2 }) })
  .map(({ groups, count: needed }) => demand(groups, { count: needed }))

test('enough people are found whenever there are enough, and never when there are not', () => {
  fc.assert(
    fc.property(
      fc.array(somebody, { maxLength: 6 }),
      fc.array(someDemand, { minLength: 1, maxLength: 3 }),
      fc.array(somebody, { maxLength: 3 }),
      (yes, demands, seen) => {
        const asked = { demands, yes, seen }
        const { met, given } = count(asked)
        expect(met).toBe(existsAssignment(asked))
        expect(given.every((people, place) => people <= (demands[place]?.terms.count ?? 0))).toBe(true)
      },
    ),
    { numRuns: 500 },
  )
})

/** The same said plainly: some way to give each place of each demand to another human, by trying them all. */
function existsAssignment({ demands, yes, seen = [] }: Case): boolean {
  const lookUp = (one: Principal) => seen.find(({ subject }) => subject === one.subject)
  const faces = (one: Principal) => [one, lookUp(one) ?? one]
  const places = demands.flatMap(({ terms }) => Array.from({ length: terms.count }, () => terms.groups))
  const linked = (one: Principal, other: Principal) =>
    faces(one).some(face => faces(other).some(its => isSamePerson(face, its)))
  // Humans: the transitive closure of being linked.
  const human = yes.map((_, at) => at)
  for (const _ of yes) {
    for (const [i, one] of yes.entries()) {
      for (const [j, other] of yes.entries()) {
        if (linked(one, other)) human[i] = human[j] = Math.min(human[i] ?? i, human[j] ?? j)
      }
    }
  }
  const fits = (one: Principal, groups: readonly string[]) =>
    faces(one).every(face => face.groups.some(group => groups.includes(group)))
  const search = (place: number, used: ReadonlySet<number>): boolean => {
    const groups = places[place]
    if (groups === undefined) return true
    return yes.some((one, at) => {
      const id = human[at] ?? at
      return !used.has(id) && fits(one, groups) && search(place + 1, new Set([...used, id]))
    })
  }
  return search(0, new Set())
}
