import { expect, test } from 'vitest'
import { readConnectionName, readRoleName } from '../../src/domain/names.js'
import {
  type AccessRequest,
  type AccessRule,
  decideAccess,
  visibleConnections,
} from '../../src/policy/access.js'
import type { TimeWindow } from '../../src/policy/time-window.js'
import { ANA, ruleName, TERMS } from './asked.js'

const MINUTE = 60_000
/** A Tuesday, 10:00 in Berlin. */
const NOW = new Date('2026-03-10T09:00:00Z')
const PROD = {
  name: connectionNamed('prod-db'),
  roles: ['reader', 'writer'].map(role => ({ name: roleNamed(role) })),
}

function connectionNamed(text: string) {
  const name = readConnectionName(text)
  if (name === undefined) throw new Error(text)
  return name
}

function roleNamed(text: string) {
  const role = readRoleName(text)
  if (role === undefined) throw new Error(text)
  return role
}

function access(name: string, more: Partial<AccessRule> = {}): AccessRule {
  const base = { name: ruleName(name), groups: ['*'], connections: ['*'], roles: ['*'] }
  return { ...base, durationMaxMs: 60 * MINUTE, reasonRequired: false, ...more }
}

const office = (from: number, to: number): readonly TimeWindow[] => [
  {
    days: ['mon', 'tue', 'wed', 'thu', 'fri'],
    fromMinute: from * 60,
    toMinute: to * 60,
    zone: 'Europe/Berlin',
  },
]

function decide(rules: readonly AccessRule[], asked: Partial<AccessRequest> = {}, now = NOW) {
  const open = { role: undefined, reason: undefined, durationMs: undefined }
  return decideAccess(rules, { principal: ANA, connection: PROD, ...open, ...asked }, now)
}

/** `granted RULE MINUTES`, with `afterwards` where the glass is broken; `needs-approval RULE MINUTES`; `refused CODE why`. */
function check(
  title: string,
  [rules, asked, now]: readonly [readonly AccessRule[], Partial<AccessRequest>?, string?],
  verdict: string,
): void {
  test(title, () => {
    const at = now === undefined ? NOW : new Date(now)
    const decision = decide(rules, asked, at)
    const spelled =
      decision.kind === 'refused'
        ? `refused ${decision.code} ${decision.message.split(': ')[1]}`
        : `${decision.kind} ${decision.rule} ${(decision.until.getTime() - at.getTime()) / MINUTE}`
    const after = decision.kind === 'granted' && decision.afterwards !== undefined ? ' afterwards' : ''
    expect(spelled + after).toBe(verdict)
  })
}

const ASKING = access('asking', { approval: TERMS })
const FREE = access('free', { durationMaxMs: 30 * MINUTE })

check('a rule with an approval asks people', [[ASKING]], 'needs-approval asking 60')
check(
  'the first rule in the file decides, also where one behind it would ask nobody',
  [[ASKING, FREE]],
  'needs-approval asking 60',
)
check('a rule before it that asks nobody decides', [[FREE, ASKING]], 'granted free 30')
check(
  'what that one does not give is asked of people',
  [[FREE, ASKING], { durationMs: 45 * MINUTE }],
  'needs-approval asking 45',
)
check(
  'terms that want a reason are not asked without',
  [[access('why', { approval: { ...TERMS, reasonRequired: true } })]],
  'refused usage rule "why" asks for a reason',
)
check(
  'with one they are',
  [[access('why', { approval: { ...TERMS, reasonRequired: true } })], { reason: 'order 4711' }],
  'needs-approval why 60',
)
check(
  'nobody is asked for more than a rule gives',
  [[ASKING], { durationMs: 61 * MINUTE }],
  'refused forbidden rule "asking" gives 1h at most',
)

test('the demand names the rule and has its terms', () => {
  expect(decide([ASKING])).toMatchObject({ demand: { rule: 'asking', message: undefined, terms: TERMS } })
})

const HOURS = access('office', { during: office(8, 18) })
check('a rule gives in its hours', [[HOURS]], 'granted office 60')
check('not beyond them', [[HOURS], {}, '2026-03-10T16:40:00Z'], 'granted office 20')
check(
  'not outside of them, and says when again',
  [[HOURS], {}, '2026-03-13T17:00:00Z'],
  'refused forbidden rule "office" gives nothing now; it does again on Monday 16 March 08:00, Europe/Berlin',
)
check(
  'another rule that is open decides then',
  [[HOURS, FREE], {}, '2026-03-13T17:00:00Z'],
  'granted free 30',
)
check(
  'the rule that opens first is named',
  [[HOURS, access('early', { during: office(7, 9) })], {}, '2026-03-13T17:00:00Z'],
  'refused forbidden rule "early" gives nothing now; it does again on Monday 16 March 07:00, Europe/Berlin',
)
check(
  'an open rule with a maximum is named before one that is closed',
  [[HOURS, FREE], { durationMs: 45 * MINUTE }, '2026-03-13T17:00:00Z'],
  'refused forbidden rule "free" gives 30m at most',
)
check(
  'hours and an approval go together',
  [[access('both', { during: office(8, 18), approval: TERMS })], {}, '2026-03-10T16:40:00Z'],
  'needs-approval both 20',
)

test('an approval in the last hour is for the whole duration; the end is counted when it is claimed', () => {
  const rule = access('both', { during: office(8, 18), approval: TERMS })
  expect(decide([rule], {}, new Date('2026-03-10T16:40:00Z'))).toMatchObject({ durationMs: 60 * MINUTE })
})

const GLASS = access('emergency', { breakGlass: true, approval: TERMS })
const emergency = { breakGlass: true, reason: 'the shop is down' }
check(
  'the glass is broken by who says so and gives a reason',
  [[GLASS], emergency],
  'granted emergency 60 afterwards',
)
check(
  'not without a reason',
  [[GLASS], { breakGlass: true, reason: '  ' }],
  'refused usage rule "emergency" asks for a reason',
)
check(
  'the rule is for nobody else',
  [[GLASS]],
  'refused forbidden no access rule gives it to a group of yours',
)
check(
  'and another one is not for who breaks the glass',
  [[FREE, ASKING], emergency],
  'refused forbidden no access rule gives you the right to break the glass for it',
)
check('a rule before it does not decide', [[ASKING, GLASS], emergency], 'granted emergency 60 afterwards')
check(
  'the right is of its groups',
  [[access('emergency', { breakGlass: true, approval: TERMS, groups: ['on-call'] })], emergency],
  'refused forbidden no access rule gives you the right to break the glass for it',
)
check(
  'it has its hours too',
  [[access('night', { breakGlass: true, approval: TERMS, during: office(22, 6) })], emergency],
  'refused forbidden rule "night" gives nothing now; it does again on Tuesday 10 March 22:00, Europe/Berlin',
)

test('a connection that only the broken glass opens has a role only where that is asked for', () => {
  const all = visibleConnections([GLASS, access('r', { roles: ['reader'] })], ANA, [PROD])
  expect(all[0]?.roles).toEqual(['reader', 'writer'])
  expect(decide([GLASS, access('r', { roles: ['reader'] })], { role: 'writer' })).toMatchObject({
    kind: 'refused',
  })
})
