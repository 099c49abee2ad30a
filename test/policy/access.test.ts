import { expect, test } from 'vitest'
import { readConnectionName, readRoleName } from '../../src/domain/names.js'
import {
  type AccessDecision,
  type AccessRequest,
  type AccessRule,
  type AccessTarget,
  decideAccess,
  visibleConnections,
} from '../../src/policy/access.js'
import { ANA, NOON, ruleName } from './asked.js'

const MINUTE = 60_000

function target(name: string, ...roles: readonly string[]): AccessTarget {
  const connection = readConnectionName(name)
  if (connection === undefined) throw new Error(name)
  return {
    name: connection,
    roles: roles.map(text => {
      const role = readRoleName(text)
      if (role === undefined) throw new Error(text)
      return { name: role }
    }),
  }
}

const PROD = target('prod-db', 'reader', 'writer', 'owner')
const STAGING = target('staging-db', 'writer')
const SECRET = target('vault-db', 'reader')

const access = (name: string, more: Partial<AccessRule>): AccessRule => ({
  name: ruleName(name),
  groups: ['engineering'],
  connections: ['*'],
  roles: ['*'],
  durationMaxMs: 60 * MINUTE,
  reasonRequired: false,
  ...more,
})

const RULES = [
  access('read-prod', { connections: ['prod-*'], roles: ['reader'], durationMaxMs: 480 * MINUTE }),
  access('write-prod', {
    connections: ['prod-*'],
    roles: ['writer'],
    durationMaxMs: 30 * MINUTE,
    reasonRequired: true,
  }),
  access('on-call', {
    groups: ['on-call'],
    connections: ['prod-*'],
    roles: ['wr*'],
    durationMaxMs: 120 * MINUTE,
  }),
  access('all-staging', { groups: ['*'], connections: ['staging-*'] }),
]

/** `granted RULE ROLE MINUTES`, `needs-approval RULE ROLE MINUTES` or `refused CODE RULE`. */
function spell(decision: AccessDecision): string {
  const words =
    decision.kind === 'refused'
      ? ['refused', decision.code, ...(decision.rule === undefined ? [] : [decision.rule])]
      : [decision.kind, decision.rule, decision.role, (decision.until.getTime() - NOON.getTime()) / MINUTE]
  return words.join(' ')
}

/** Checks a request of Ana's. */
function check(title: string, asked: Partial<AccessRequest>, verdict: string): void {
  test(title, () => {
    const request: AccessRequest = {
      principal: ANA,
      connection: PROD,
      role: undefined,
      reason: undefined,
      durationMs: undefined,
      ...asked,
    }
    const decision = decideAccess(RULES, request, NOON)
    expect(spell(decision)).toBe(verdict)
  })
}

const onCall = { ...ANA, groups: ['engineering', 'on-call'] }
const guest = { ...ANA, groups: [] }

check('the first role that a rule opens is given, for an hour', {}, 'granted read-prod reader 60')
check(
  'a duration within the maximum is given as asked',
  { durationMs: 90 * MINUTE },
  'granted read-prod reader 90',
)
check(
  'a duration above the maximum is refused, not shortened',
  { durationMs: 481 * MINUTE },
  'refused forbidden read-prod',
)
check(
  'without a duration the maximum counts where it is less than an hour',
  { role: 'writer', reason: 'INC-7' },
  'granted write-prod writer 30',
)
check('a reason that is asked for must be given', { role: 'writer' }, 'refused usage write-prod')
check('blanks are no reason', { role: 'writer', reason: '  ' }, 'refused usage write-prod')
check(
  'rules add up: a later one that asks for no reason gives',
  { principal: onCall, role: 'writer' },
  'granted on-call writer 60',
)
check(
  'rules add up: a later one with a longer maximum gives',
  { principal: onCall, role: 'writer', reason: 'INC-7', durationMs: 60 * MINUTE },
  'granted on-call writer 60',
)
check(
  'the first rule in the order of the file gives',
  { principal: onCall, role: 'writer', reason: 'INC-7' },
  'granted write-prod writer 30',
)
check(
  'beyond every maximum the longest is named',
  { principal: onCall, role: 'writer', reason: 'INC-7', durationMs: 999 * MINUTE },
  'refused forbidden on-call',
)
check('a role that no rule opens is refused', { role: 'owner' }, 'refused forbidden')
check('a role that does not exist is refused in the same words', { role: 'nobody' }, 'refused forbidden')
check('a role of another spelling is another role', { role: 'Reader' }, 'refused forbidden')
check('a connection that no rule opens is refused', { connection: SECRET }, 'refused forbidden')
check('nobody in no group is let in', { principal: guest }, 'refused forbidden')
check(
  'a rule for everyone lets in whoever can sign in',
  { principal: guest, connection: STAGING },
  'granted all-staging writer 60',
)
check(
  'a group of another spelling is another group',
  { principal: { ...ANA, groups: ['Engineering'] } },
  'refused forbidden',
)
check('a group called * is nothing special', { principal: { ...ANA, groups: ['*'] } }, 'refused forbidden')
check('a duration of nothing is refused', { durationMs: 0 }, 'refused usage')
check('a negative duration is refused', { durationMs: -MINUTE }, 'refused usage')
check('a duration that is no number is refused', { durationMs: Number.NaN }, 'refused usage')
check('an endless duration is refused', { durationMs: Number.POSITIVE_INFINITY }, 'refused usage')
check('a reason with control characters is refused', { reason: 'a\u001b[2Jb' }, 'refused usage')
check('a reason beyond all measure is refused', { reason: 'a'.repeat(1001) }, 'refused usage')

test('a refusal says what to do', () => {
  const request = {
    principal: ANA,
    connection: PROD,
    role: 'reader',
    reason: undefined,
    durationMs: 900 * MINUTE,
  }
  expect(decideAccess(RULES, request, NOON)).toEqual({
    kind: 'refused',
    code: 'forbidden',
    message: 'Cannot grant connection "prod-db": rule "read-prod" gives 8h at most',
    hint: '--for 8h',
    rule: 'read-prod',
  })
})

test('people see the connections and roles that a rule opens to them, and no other', () => {
  const seen = visibleConnections(RULES, ANA, [PROD, STAGING, SECRET])
  expect(seen.map(one => [one.connection.name, ...one.roles].join(' '))).toEqual([
    'prod-db reader writer',
    'staging-db writer',
  ])
  expect(visibleConnections(RULES, guest, [PROD, SECRET])).toEqual([])
})
