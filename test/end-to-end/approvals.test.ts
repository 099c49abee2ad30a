import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { openGateway } from '../../src/client/gateway.js'
import { ReviewsApi } from '../../src/client/reviews-api.js'
import { readSettings } from '../../src/client/settings.js'
import type { ReviewView } from '../../src/domain/api.js'
import { ADA, EVE, GRACE } from '../setup/hoop-stack.js'
import type { ProviderAccount } from '../setup/openid-provider.js'
import { type Shop, startShop } from './shop.js'
import { openTerminal, type Terminal, type TerminalOptions } from './terminal.js'
import { until } from './until.js'

const NAME = 'approvals'
const PROMPT = /approvals=[*!]?> $/

let shop: Shop
const terminals: Terminal[] = []

beforeAll(async () => {
  shop = await startShop({
    postgres: inject('postgres'),
    name: NAME,
    connection: {
      roles: [
        { name: 'reader', user: NAME, password: 'env:TARGET_PASSWORD' },
        { name: 'writer', user: NAME, password: 'env:TARGET_PASSWORD' },
      ],
    },
    config: {
      approvals: [{ name: 'by-auditors', groups: ['auditors'], count: 1, wait: '10m', valid: '5m' }],
      access: [
        { name: 'read', groups: ['engineering'], connections: ['*'], roles: ['reader'], for: '1h' },
        {
          name: 'write',
          groups: ['engineering'],
          connections: ['*'],
          roles: ['writer'],
          for: '1h',
          reason_required: true,
          approval: 'by-auditors',
        },
        {
          name: 'emergency',
          groups: ['engineering'],
          connections: ['*'],
          roles: ['writer'],
          for: '15m',
          break_glass: true,
          approval: 'by-auditors',
        },
      ],
      statements: [
        {
          name: 'writes-need-a-yes',
          when: 'statement.writes',
          // biome-ignore lint/suspicious/noThenProperty: the key is called so in hoop.yaml.
          then: 'review',
          approval: 'by-auditors',
          message: 'writes are looked at',
        },
      ],
    },
  })
  await shop.sql(`GRANT UPDATE ON orders TO ${NAME}; INSERT INTO orders VALUES (1, 'new')`)
  for (const who of [GRACE, EVE]) expect((await shop.stack.login(who)).code).toBe(0)
})
afterAll(() => shop.stop())
afterEach(async () => {
  for (const terminal of terminals.splice(0)) terminal.kill()
  // What a test that failed has left must not be taken for another one's.
  for (const { id } of await waiting()) await asking(ADA, api => api.withdraw(id)).catch(() => {})
})

function open(
  who: ProviderAccount,
  args: readonly string[],
  options: Partial<TerminalOptions> = {},
): Terminal {
  const env = { ...shop.stack.env(who), ...options.env }
  const terminal = openTerminal(args, { ...options, env })
  terminals.push(terminal)
  return terminal
}

const hoop = (who: ProviderAccount, ...args: readonly string[]) => shop.stack.hoop(who, args)

/** Asks the API as somebody: a process for each look would take longer than what is looked for. */
async function asking<Answer>(
  who: ProviderAccount,
  ask: (api: ReviewsApi) => Promise<Answer>,
): Promise<Answer> {
  const env = shop.stack.env(who)
  const gateway = await openGateway({ env, settings: await readSettings(env), tell: () => {} })
  return ask(new ReviewsApi(gateway.peer, gateway.api.token)).finally(() => gateway.close())
}

const waiting = async () => (await asking(GRACE, api => api.list({ state: 'pending' }))).reviews

/** The one question that waits now. */
const pending = () => until('a question waits', async () => (await waiting())[0], 30_000)

/** Somebody's answer, as another program would send it. */
function answer(
  verdict: 'approve' | 'deny',
  { id, digest }: ReviewView,
  comment: string,
): Promise<ReviewView> {
  return asking(GRACE, api => api.answer(id, { verdict, digest, comment }))
}

/** `psql` at its prompt, with a statement that is held. Gives the name of the review. */
async function hold(statement: string): Promise<{ readonly psql: Terminal; readonly id: string }> {
  const psql = open(ADA, ['connect', 'shop'])
  await psql.shows(PROMPT)
  psql.type(`${statement}\r`)
  const notice = await psql.shows(
    /NOTICE: {2}held by rule "writes-need-a-yes", review r-\w{16}, https:[^\n]*\n/,
  )
  expect(notice).toContain('waiting for 1 of [auditors]')
  return { psql, id: /r-\w{16}/.exec(notice)?.[0] ?? '' }
}

async function leave(psql: Terminal): Promise<void> {
  psql.type('\\q\r')
  expect(await psql.ended).toBe(0)
}

const note = () => shop.sql('SELECT note FROM orders WHERE id = 1')

describe('a statement that is held in psql', () => {
  test('runs once somebody approved it from a second terminal', async () => {
    const { psql, id } = await hold("UPDATE orders SET note = 'approved' WHERE id = 1;")
    const second = open(GRACE, ['reviews', 'approve', id, '--comment', 'looks fine'])
    const shown = await second.shows(/\[y\/N\] $/)
    expect(shown).toContain("| UPDATE orders SET note = 'approved' WHERE id = 1;")
    expect(shown).toContain('Approve what ada@example.com asks for?')
    expect(await note()).not.toBe('approved')
    second.type('y\r')
    expect(await second.ended).toBe(0)
    const answered = await psql.shows(PROMPT)
    expect(answered).toMatch(/approved by grace@example\.com at .*: "looks fine"/)
    expect(answered).toContain('UPDATE 1')
    expect(await note()).toBe('approved')
    await leave(psql)
  })

  test('fails once somebody denied it, and the next one works', async () => {
    const { psql, id } = await hold("UPDATE orders SET note = 'denied' WHERE id = 1;")
    const { digest } = await pending()
    const denied = await hoop(GRACE, 'reviews', 'deny', id, '--comment', 'not today', '--digest', digest)
    expect(denied).toMatchObject({ code: 0, stderr: expect.stringContaining('denied by grace@example.com') })
    expect(await psql.shows(PROMPT)).toMatch(/ERROR: {2}.*denied by grace@example\.com.*not today/)
    psql.type("SELECT 'still ' || 'here';\r")
    expect(await psql.shows(/still here[\s\S]*=> $/)).not.toContain('ERROR')
    await leave(psql)
    expect(await note()).not.toBe('denied')
  })

  test('is taken back by Ctrl-C', async () => {
    const { psql, id } = await hold("UPDATE orders SET note = 'cancelled' WHERE id = 1;")
    psql.type('\u0003')
    expect(await psql.shows(PROMPT)).toMatch(/ERROR: {2}canceling statement due to user request/)
    const late = await hoop(GRACE, 'reviews', 'approve', id, '--yes')
    expect(late).toMatchObject({ code: 64, stderr: expect.stringContaining('it is withdrawn') })
    await leave(psql)
    expect(await note()).not.toBe('cancelled')
  })

  test('is not approved by who asked, and not seen by who may not answer', async () => {
    const { psql, id } = await hold("UPDATE orders SET note = 'self' WHERE id = 1;")
    expect((await hoop(ADA, 'reviews', 'approve', id, '--yes')).code).toBe(77)
    expect((await hoop(EVE, 'reviews', 'show', id)).code).toBe(64)
    const unseen = await hoop(GRACE, 'reviews', 'approve', id)
    expect(unseen).toMatchObject({ code: 64, stderr: expect.stringContaining('without a terminal') })
    expect((await hoop(ADA, 'reviews', 'withdraw', id)).code).toBe(0)
    expect(await psql.shows(PROMPT)).toContain('ERROR')
    await leave(psql)
  })
})

describe('hoop connect that meets an approval', () => {
  const asWriter = ['connect', 'shop', '--role', 'writer', '--reason', 'ticket 4711'] as const

  test('waits, and goes on into psql', async () => {
    const psql = open(ADA, asWriter)
    await psql.shows(/waiting for 1 of \[auditors\], \S+ left; Ctrl-C withdraws r-\w{16}/)
    const review = await pending()
    const { id } = review
    await answer('approve', review, 'go ahead')
    expect(await psql.shows(PROMPT)).toMatch(/approved by grace@example\.com[\s\S]*"shop" as "writer" for/)
    await leave(psql)
    const [grant] = await shop.grants()
    expect(grant).toMatchObject({ role: 'writer', review: id, revokedAt: expect.any(String) })
  })

  test('is refused with who denied it, and why', async () => {
    const ran = hoop(ADA, ...asWriter, '--', '-c', 'SELECT 1')
    await answer('deny', await pending(), 'ask again on Monday')
    expect(await ran).toMatchObject({ code: 77, stdout: '' })
    expect((await ran).stderr).toMatch(/denied by grace@example\.com at .*: "ask again on Monday"/)
  })

  test('takes its question back at Ctrl-C', async () => {
    const connecting = open(ADA, asWriter)
    await connecting.shows(/Ctrl-C withdraws/)
    connecting.type('\u0003')
    await connecting.shows(/review r-\w{16} is withdrawn/)
    expect(await connecting.ended).toBe(130)
    expect(await waiting()).toEqual([])
  })

  test('does not wait with --no-wait, and goes on later', async () => {
    const asked = await hoop(ADA, ...asWriter, '--no-wait')
    const review = await pending()
    const { id } = review
    expect(asked).toMatchObject({ code: 75, stdout: '', stderr: expect.stringContaining(id) })
    expect(asked.stderr).toContain(`try: hoop connect shop --review ${id}`)
    await answer('approve', review, 'go ahead')
    const ran = await hoop(ADA, 'connect', 'shop', '--review', id, '--', '-At', '-c', 'SELECT 42')
    expect(ran).toMatchObject({ code: 0, stdout: '42\n' })
    const again = await hoop(ADA, 'connect', 'shop', '--review', id, '--', '-c', 'SELECT 42')
    expect(again.code).not.toBe(0)
  })
})

describe('a grant that is asked for ahead', () => {
  const request = ['grants', 'request', 'shop', '--role', 'writer', '--reason', 'ticket 4711'] as const

  test('is waited for, used, and kept when psql ends', async () => {
    const asked = hoop(ADA, ...request, '--for', '10m', '--wait')
    await answer('approve', await pending(), 'go ahead')
    const { code, stdout, stderr } = await asked
    const grant = stdout.trim()
    expect([code, grant]).toEqual([0, expect.stringMatching(/^g-\w{16}$/)])
    expect(stderr).toContain(`try: hoop connect shop --grant ${grant}`)
    for (let use = 0; use < 2; use += 1) {
      const ran = await hoop(ADA, 'connect', 'shop', '--grant', grant, '--', '-At', '-c', 'SELECT 42')
      expect(ran).toMatchObject({ code: 0, stdout: '42\n' })
    }
    expect((await hoop(ADA, 'grants', 'revoke', grant)).code).toBe(0)
    const after = await hoop(ADA, 'connect', 'shop', '--grant', grant)
    expect(after).toMatchObject({ code: 77, stderr: expect.stringContaining('it has ended') })
  })

  test('that nobody answers in time leaves its question open', async () => {
    const asked = await hoop(ADA, ...request, '--wait=1s')
    const { id } = await pending()
    expect(asked).toMatchObject({ code: 75, stderr: expect.stringContaining(id) })
    await hoop(ADA, 'reviews', 'withdraw', id)
  })

  test('is given at once to who breaks the glass, and looked at afterwards', async () => {
    const without = await hoop(ADA, 'grants', 'request', 'shop', '--role', 'writer', '--break-glass')
    expect(without.code).toBe(64)
    const given = await hoop(ADA, ...request, '--break-glass', '--json')
    expect(JSON.parse(given.stdout)).toMatchObject({ breakGlass: true, role: 'writer' })
    const { id, subject } = await pending()
    expect(subject).toMatchObject({ kind: 'grant', afterwards: true })
    expect((await hoop(ADA, 'reviews', 'withdraw', id)).code).not.toBe(0)
    expect((await hoop(GRACE, 'reviews', 'approve', id, '--yes')).code).toBe(0)
    const all = await hoop(GRACE, 'grants', 'list', '--all')
    expect(all.stdout).toMatch(/ada@example\.com +shop +writer .*glass broken/)
  })
})

test('a grant that ends soon is said beside what is being typed, with the command for another one', async () => {
  const psql = open(ADA, ['connect', 'shop', '--for', '5m4s'], { env: { TERM: 'xterm' } })
  await psql.shows(/approvals=> /)
  psql.type("SELECT 'half' || '-typed")
  await psql.shows(/-typed/)
  const told = await psql.shows(/try: hoop connect shop --role reader/)
  expect(told).toContain('hoop: The session on "shop": the grant ends in 5 minutes')
  psql.type("';\r")
  await psql.shows(/half-typed\n/)
  psql.type('\\q\r')
  expect(await psql.ended).toBe(0)
})

describe('hoop reviews watch', () => {
  test('shows a question at once, and answers it with keys', async () => {
    const screen = open(GRACE, ['reviews', 'watch'], { env: { TERM: 'xterm' }, columns: 80, rows: 24 })
    await screen.shows(/nothing waits for you/)
    const { psql, id } = await hold("UPDATE orders SET note = 'watched' WHERE id = 1;")
    await screen.shows(new RegExp(`new: ${id}`))
    screen.type('\r')
    await screen.shows(/a: approve/)
    screen.type('a')
    await screen.shows(/approve, comment/)
    screen.type('fine')
    await screen.shows(/enter: fine/)
    screen.type('\r')
    await screen.shows(/y: approve what ada@example\.com asks for/)
    screen.type('y')
    await screen.shows(/approved by grace@example\.com/)
    expect(await psql.shows(PROMPT)).toContain('UPDATE 1')
    screen.type('q')
    expect(await screen.ended).toBe(0)
    await leave(psql)
  })

  test('ends at Ctrl-C and gives the terminal back', async () => {
    const screen = open(GRACE, ['reviews', 'watch'], { env: { TERM: 'xterm' }, columns: 80, rows: 24 })
    await screen.shows(/nothing waits for you/)
    screen.resize(60, 20)
    screen.type('\u0003')
    expect(await screen.ended).toBe(0)
    const left = await screen.shows(/\?1049l/)
    // The cursor is shown again.
    expect(left).toContain('\u001b[?25h')
  })

  test('wants a terminal', async () => {
    const ran = await hoop(GRACE, 'reviews', 'watch')
    expect(ran).toMatchObject({
      code: 64,
      stdout: '',
      stderr: expect.stringContaining('hoop reviews --json'),
    })
  })
})
