import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeSessionId } from '../../../src/domain/ids.js'
import { readRoleName } from '../../../src/domain/names.js'
import { quoteName, quoteText, scramVerifier } from '../../../src/protocols/postgres/ephemeral-role-sql.js'
import { readTag, roleNameFor, spellTag } from '../../../src/protocols/postgres/ephemeral-role-tag.js'
import { ephemeralRoles } from '../../../src/protocols/postgres/ephemeral-roles.js'
import { saltPassword, scramKeys } from '../../../src/protocols/postgres/scram.js'
import type { Cells, RoleAnswer, RoleProcedure } from '../../../src/protocols/role-procedure.js'

const fill = (byte: number) => (size: number) => new Uint8Array(size).fill(byte)
const SESSION = makeSessionId(fill(7))
const NAME = roleNameFor(SESSION)
const READER = readRoleName('reader')
if (READER === undefined) throw new Error('a name of the test is none')
const TAG = { owner: 'a1', session: SESSION, role: READER, until: new Date('2026-03-10T12:00:00Z') }

/** Plays the target: one answer for each text, pauses pass. Gives the outcome and the texts, with their database. */
function play<Outcome>(procedure: RoleProcedure<Outcome>, answers: readonly (readonly Cells[] | string)[]) {
  const asked: string[] = []
  let step = procedure.next()
  while (step.done !== true) {
    const effect = step.value
    if (effect.kind === 'ask') asked.push(`${effect.database}: ${effect.text.replace(/\s+/g, ' ')}`)
    const given = effect.kind === 'ask' ? answers[asked.length - 1] : []
    if (given === undefined) throw new Error(`no answer to: ${asked.at(-1)}`)
    const answer: RoleAnswer =
      typeof given === 'string' ? { kind: 'refused', message: given } : { kind: 'rows', rows: given }
    step = procedure.next(answer)
  }
  return { outcome: step.value, asked }
}

const make = (more: { readonly memberOf?: readonly string[] } = {}) =>
  ephemeralRoles.make({
    ...TAG,
    database: 'shop',
    memberOf: ['readers'],
    connectionsMax: 6,
    password: 'the-password',
    randomBytes: fill(1),
    ...more,
  })
const drop = (heirs: readonly string[] = ['readers']) =>
  ephemeralRoles.drop({ name: NAME, database: 'shop', heirs })

const server = (
  more: Partial<Record<'recovery' | 'version' | 'super' | 'creates' | 'inherits', string>> = {},
): Cells => [
  'server',
  more.recovery ?? 'false',
  more.version ?? '150001',
  more.super ?? 'false',
  more.creates ?? 'true',
  more.inherits ?? 'true',
  'maker',
]
const FOUND: readonly Cells[] = [['16400', spellTag(TAG)]]

describe('names and texts', () => {
  test('a quoted name or text ends where it says, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        expect(quoteName(text).slice(1, -1).replaceAll('""', '')).not.toContain('"')
        expect(quoteText(text).slice(1, -1).replaceAll("''", '')).not.toContain("'")
      }),
    )
  })

  test('the verifier is what a server makes of the password, and not the password', () => {
    const verifier = scramVerifier('the-password', fill(1))
    const [, salt = '', stored, serverKey] = /^SCRAM-SHA-256\$4096:(.+)\$(.+):(.+)$/.exec(verifier) ?? []
    const keys = scramKeys(saltPassword('the-password', Buffer.from(salt, 'base64'), 4096))
    expect([stored, serverKey]).toEqual([
      keys.storedKey.toString('base64'),
      keys.serverKey.toString('base64'),
    ])
    expect(verifier).not.toContain('the-password')
  })
})

describe('the tag', () => {
  test('is read as it was written, on its own role only', () => {
    expect(readTag(NAME, spellTag(TAG))).toEqual(TAG)
    expect(readTag('hoop_0000000000000000', spellTag(TAG))).toBeUndefined()
    expect(readTag(NAME.toUpperCase(), spellTag(TAG))).toBeUndefined()
  })

  test('is not read with anything changed in it', () => {
    const written = spellTag(TAG)
    const at = fc.nat(written.length - 1)
    const letter = fc.constantFrom(...' "\'\n;,=_xXé')
    fc.assert(
      fc.property(at, letter, (place, other) => {
        const changed = written.slice(0, place) + other + written.slice(place + 1)
        const tag = readTag(NAME, changed)
        // Another owner or role of the right form is a tag as well; the session is bound to the role's name.
        if (tag !== undefined) expect(spellTag(tag)).toBe(changed)
        expect(tag?.session ?? SESSION).toBe(SESSION)
      }),
    )
  })
})

/** Checks why a role is not made, with nothing asked but the question whether it can be. */
function checkRefused(title: string, rows: readonly Cells[], reason: string): void {
  test(title, () => {
    const { outcome, asked } = play(make(), [rows])
    expect(outcome).toMatchObject({ kind: 'failed', reason: expect.stringContaining(reason) })
    expect(asked).toHaveLength(1)
  })
}

describe('making', () => {
  const group: Cells = ['group', 'readers', 'false']

  test('is one text, after the question whether it can be', () => {
    const { outcome, asked } = play(make(), [[server(), group], []])
    expect(outcome).toEqual({ kind: 'made' })
    expect(asked).toHaveLength(2)
    expect(asked[1]).toContain("CONNECTION LIMIT 6 VALID UNTIL '2026-03-10T12:00:00.000Z'")
    expect(asked[1]).toContain(`GRANT "readers" TO "${NAME}"`)
    expect(asked.join('')).not.toContain('the-password')
  })

  test('says what the target said', () => {
    const { outcome } = play(make(), [[server(), group], 'no room'])
    expect(outcome).toEqual({ kind: 'failed', reason: 'the target said: no room' })
  })

  checkRefused(
    'is refused on a replica',
    [server({ recovery: 'true' }), group],
    'is a replica or is in recovery',
  )
  checkRefused('is refused when the target says nothing of itself', [group], 'is a replica or is in recovery')
  checkRefused(
    'needs ADMIN OPTION on a group from PostgreSQL 16 on',
    [server({ version: '160000' }), group],
    'account "maker" has no ADMIN OPTION on role "readers"',
  )
  test('does with ADMIN OPTION on the group, or as a superuser, from PostgreSQL 16 on', () => {
    const options: Cells = ['group', 'readers', 'true']
    expect(play(make(), [[server({ version: '170002' }), options], []]).outcome).toEqual({ kind: 'made' })
    const almighty = server({ version: '170002', super: 'true', creates: 'false', inherits: 'false' })
    expect(play(make(), [[almighty, group], []]).outcome).toEqual({ kind: 'made' })
  })
})

describe('dropping', () => {
  const NOTHING: readonly Cells[] = [['heir', 'readers', '']]

  test('goes from the sign-in to the backends to what is held to the role', () => {
    const holds: Cells[] = [
      ['heir', 'readers', ''],
      ['holds', 'shop', 'owns'],
      ['holds', 'stock', ''],
    ]
    const { outcome, asked } = play(drop(), [FOUND, [], [['t']], [], holds, [], [], [], []])
    expect(outcome).toEqual({ kind: 'dropped' })
    expect(asked.slice(1).map(text => text.replace(/^(\w+: \S+ \S+).*/, '$1'))).toEqual([
      'shop: ALTER ROLE',
      'shop: SELECT pg_catalog.pg_terminate_backend(a.pid)',
      'shop: SELECT pg_catalog.pg_terminate_backend(a.pid)',
      'shop: SELECT DISTINCT',
      'shop: REASSIGN OWNED',
      'stock: DROP OWNED',
      'shop: SELECT pg_catalog.pg_terminate_backend(a.pid)',
      'shop: DROP ROLE',
    ])
  })

  test('of a role that is gone is over at once', () => {
    expect(play(drop(), [[]])).toMatchObject({ outcome: { kind: 'absent' }, asked: { length: 1 } })
  })

  test('touches no role without exactly our tag', () => {
    for (const comment of [
      null,
      '',
      'hoop',
      `${spellTag(TAG)}\n`,
      spellTag({ ...TAG, session: makeSessionId(fill(8)) }),
    ]) {
      const { outcome, asked } = play(drop(), [[['16400', comment]]])
      expect(outcome).toMatchObject({
        kind: 'failed',
        reason: expect.stringContaining('does not carry the tag'),
      })
      expect(asked).toHaveLength(1)
    }
    expect(play(drop(), [[['16400; DROP', spellTag(TAG)]]]).asked).toHaveLength(1)
  })

  test('gives up on backends that do not end, and drops nothing under them', () => {
    const forever = [FOUND, [], ...Array.from({ length: 100 }, () => [['t']])]
    const { outcome, asked } = play(drop(), forever)
    expect(outcome).toEqual({ kind: 'failed', reason: 'its backends do not end' })
    expect(asked.join('')).not.toContain('DROP')
  })

  test('asks the heirs in the order of the configuration, and only groups of the role', () => {
    const holds: Cells[] = [
      ['heir', 'a', ''],
      ['heir', 'b', ''],
      ['heir', 'c', ''],
      ['holds', 'shop', 'owns'],
    ]
    const { asked, outcome } = play(drop(['c', 'stranger']), [FOUND, [], [], holds, 'no', 'no', 'no'])
    const reassigned = asked.flatMap(text => /REASSIGN OWNED BY \S+ TO (\S+);/.exec(text)?.[1] ?? [])
    expect(reassigned).toEqual(['"c"', '"a"', '"b"'])
    expect(outcome).toMatchObject({
      kind: 'failed',
      reason: 'what it holds in database "shop" cannot be given away: no',
    })
  })

  test('deletes nothing that nobody can take', () => {
    const { asked, outcome } = play(drop(), [FOUND, [], [], [['holds', 'shop', 'owns']]])
    expect(outcome).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('a member of no role that could take it'),
    })
    expect(asked.join('')).not.toContain('DROP')
  })

  test('stops at each refusal and says which step it was', () => {
    const answers = [FOUND, [], [], NOTHING, [], []]
    const reasons = answers.map((_, at) => {
      const { outcome, asked } = play(drop(), [...answers.slice(0, at), 'no'])
      expect(asked).toHaveLength(at + 1)
      return outcome.kind === 'failed' ? outcome.reason : outcome.kind
    })
    expect(reasons).toEqual([
      'it cannot be looked for: no',
      'its sign-in cannot be switched off: no',
      'its backends cannot be ended: no',
      'what it holds cannot be looked at: no',
      'its backends cannot be ended: no',
      'it cannot be dropped: no',
    ])
  })
})
