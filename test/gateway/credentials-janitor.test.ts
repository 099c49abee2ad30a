import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PostgresServer } from '../setup/postgres.js'
import { leftAt, makeRoles, OWNER, startRoleServer } from './credentials-fixture.js'

let server: PostgresServer
const OTHER = 'b'.repeat(32)
const LONG_AGO = '2020-01-01T00:00:00.000Z'
const FAR_AWAY = '2999-01-01T00:00:00.000Z'

beforeAll(async () => {
  server = await startRoleServer()
})

afterAll(() => server.stop())

const tag = ({ owner = OWNER, session = '', until = LONG_AGO }) =>
  `hoop: ephemeral role, owner=${owner} session=s-${session} role=reader until=${until}`

/** Makes a role as a crash would have left it, by the account that makes roles; gives its name. */
async function plant(digits: string, comment: string | undefined, attributes = ''): Promise<string> {
  const name = `hoop_${digits}`
  await server.sql(
    'postgres',
    `${attributes === '' ? 'SET ROLE role_maker;' : ''} CREATE ROLE ${name} LOGIN ${attributes};
     ${comment === undefined ? '' : `COMMENT ON ROLE ${name} IS '${comment}'`}`,
  )
  return name
}

/** Checks whether the janitor takes back a role that carries this comment. */
function check(
  title: string,
  {
    digits = '0000000000000001',
    comment,
    attributes = '',
  }: { digits?: string; comment: string | undefined; attributes?: string },
  expected: 'dropped' | 'left alone',
): void {
  test(title, async () => {
    const name = await plant(digits, comment, attributes)
    const { janitor } = makeRoles({ port: server.port })
    await janitor.sweep()
    expect(await leftAt(server)).toBe(expected === 'dropped' ? '' : name)
    await server.sql('postgres', `DROP ROLE IF EXISTS ${name}`)
  })
}

const session = '0000000000000001'
check(
  'a role of ours whose session is not known is taken back at once',
  { comment: tag({ session, until: FAR_AWAY }) },
  'dropped',
)
check(
  'a role of another gateway is left alone until its end',
  { comment: tag({ owner: OTHER, session, until: FAR_AWAY }) },
  'left alone',
)
check(
  'a role of another gateway is taken back when its end is long over',
  { comment: tag({ owner: OTHER, session }) },
  'dropped',
)
check(
  'a role of another gateway that has just ended is left to that one',
  { comment: tag({ owner: OTHER, session, until: new Date().toISOString() }) },
  'left alone',
)
check('a role of our name without a comment is not ours', { comment: undefined }, 'left alone')
check('a comment with more than the tag is not ours', { comment: `${tag({ session })} ` }, 'left alone')
check('a comment before the tag is not ours', { comment: `x ${tag({ session })}` }, 'left alone')
check(
  'a tag that speaks of another session is not ours',
  { comment: tag({ session: '0000000000000002' }) },
  'left alone',
)
check(
  'a role of another name with a tag is not ours',
  { digits: 'shop', comment: tag({ session }) },
  'left alone',
)
check(
  'a tag with an end that is none is not ours',
  { comment: tag({ session, until: '2020-13-01T00:00:00.000Z' }) },
  'left alone',
)
check(
  'a role that was made a superuser is not ours any more',
  { comment: tag({ session }), attributes: 'SUPERUSER' },
  'left alone',
)
check(
  'a role that was made a role maker is not ours any more',
  { comment: tag({ session }), attributes: 'CREATEROLE' },
  'left alone',
)

test('a role that is being made or used is not touched, by the gateway that did it', async () => {
  const { take, janitor, roles } = makeRoles({ port: server.port })
  const taking = take()
  await Promise.all([janitor.sweep(), taking])
  const { credential } = await taking
  expect(await janitor.sweep()).toEqual({ dropped: 0, left: 0, unreachable: 0 })
  expect(await leftAt(server)).toBe(credential.user)
  credential.forget()
  await roles.settled()
})

test('many that cannot be taken back are told as such', async () => {
  const names = Array.from({ length: 51 }, (_, at) => String(at).padStart(16, '0'))
  const made = names.map(
    digits =>
      `SET ROLE role_maker; CREATE ROLE hoop_${digits}; COMMENT ON ROLE hoop_${digits} IS '${tag({ session: digits })}';`,
  )
  const granted = names.map(digits => `GRANT SELECT ON guarded TO hoop_${digits};`)
  // A grant of somebody else's is not ours to revoke, and keeps a role.
  await server.sql('shop', `CREATE TABLE guarded (id int); ${made.join('')} RESET ROLE; ${granted.join('')}`)
  const { janitor, lines } = makeRoles({ port: server.port })
  expect(await janitor.sweep()).toEqual({ dropped: 0, left: 51, unreachable: 0 })
  expect(lines.filter(line => line.includes('pile up'))).toHaveLength(1)
  expect(lines.find(line => line.includes('still at the target'))).toContain('cannot be dropped')
  await server.sql('shop', 'DROP TABLE guarded')
  expect(await janitor.sweep()).toEqual({ dropped: 51, left: 0, unreachable: 0 })
  expect(lines.at(-1)).toContain(
    'roles of ended sessions were taken back {"connection":"shop","dropped":51,"left":0}',
  )
  expect(await leftAt(server)).toBe('')
}, 60_000)

test('a target that is down is tried again and told once', async () => {
  const { janitor, lines } = makeRoles({ port: 1 })
  expect(await janitor.sweep()).toEqual({ dropped: 0, left: 0, unreachable: 1 })
  expect(await janitor.sweep()).toEqual({ dropped: 0, left: 0, unreachable: 1 })
  expect(lines.filter(line => line.startsWith('warn'))).toHaveLength(1)
})
