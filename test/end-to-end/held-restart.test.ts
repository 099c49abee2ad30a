import type { ChildProcess } from 'node:child_process'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openGateway } from '../../src/client/gateway.js'
import { ReviewsApi } from '../../src/client/reviews-api.js'
import { readSettings } from '../../src/client/settings.js'
import type { ReviewView } from '../../src/domain/api.js'
import { ADA, collect, GRACE, type Ran } from '../setup/hoop-stack.js'
import { type Shop, startShop } from './shop.js'
import { until } from './until.js'

const NAME = 'held_restart'
const UPDATE = "UPDATE orders SET note = 'held' WHERE id = 1"

let shop: Shop

beforeAll(async () => {
  shop = await startShop({
    postgres: inject('postgres'),
    name: NAME,
    config: {
      approvals: [{ name: 'by-auditors', groups: ['auditors'], wait: '10m' }],
      statements: [
        // biome-ignore lint/suspicious/noThenProperty: the key is called so in hoop.yaml.
        { name: 'writes-need-a-yes', when: 'statement.writes', then: 'review', approval: 'by-auditors' },
      ],
    },
  })
  await shop.sql(`GRANT UPDATE ON orders TO ${NAME}; INSERT INTO orders VALUES (1, 'new')`)
  expect((await shop.stack.login(GRACE)).code).toBe(0)
}, 120_000)
afterAll(() => shop.stop())

async function asAuditor<Answer>(ask: (api: ReviewsApi) => Promise<Answer>): Promise<Answer> {
  const env = shop.stack.env(GRACE)
  const gateway = await openGateway({ env, settings: await readSettings(env), tell: () => {} })
  return ask(new ReviewsApi(gateway.peer, gateway.api.token)).finally(() => gateway.close())
}

const pending = (): Promise<ReviewView> =>
  until('a question waits', async () => (await asAuditor(api => api.list({ state: 'pending' }))).reviews[0])

interface Expected {
  /** Why the question was taken back. */
  readonly why: string
  readonly endReason: string
}

/** The question is over for everyone, the database has seen nothing, and the recording says both. */
async function checkNeverRuns(
  { id, digest }: ReviewView,
  session: string,
  expected: Expected,
): Promise<void> {
  const over = await until('the question is over', async () => {
    const review = await asAuditor(api => api.find(id))
    return review.state === 'pending' ? undefined : review
  })
  expect(over).toMatchObject({ state: 'withdrawn', why: expected.why, answers: [] })
  const late = await shop.stack.hoop(GRACE, ['reviews', 'approve', id, '--digest', digest])
  expect(late).toMatchObject({ code: 64, stderr: expect.stringContaining('it is withdrawn') })
  const behindTheCli = asAuditor(api => api.answer(id, { verdict: 'approve', digest }))
  await expect(behindTheCli).rejects.toMatchObject({ code: 'conflict' })
  expect(await shop.sql('SELECT note FROM orders WHERE id = 1')).toBe('new')
  expect((await shop.endedSession(session)).endReason).toBe(expected.endReason)
  const verified = await shop.stack.hoop(ADA, ['sessions', 'verify', session])
  expect(verified.stdout).toContain('whole and unaltered')
  const { stdout } = await shop.stack.hoop(ADA, ['sessions', 'export', session])
  const events = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(events.find(({ kind }) => kind === 'review')).toMatchObject({ state: 'pending', statement: UPDATE })
  const wasAllowed = ({ kind, decision }: { readonly kind: string; readonly decision?: { kind: string } }) =>
    kind === 'operation' && decision?.kind === 'allow'
  expect(events.filter(wasAllowed)).toEqual([])
  expect(events.at(-1)).toMatchObject({ kind: 'end', reason: expected.endReason })
}

test('a statement that was held when the gateway was killed never runs', async () => {
  const listener = await shop.listen()
  const running = listener.psql(['-c', UPDATE])
  const review = await pending()
  await shop.stack.stopGateway('SIGKILL')
  const ran = await running
  expect(ran).toMatchObject({ code: 2, stdout: '' })
  expect(ran.stderr).toContain(`held by rule "writes-need-a-yes", review ${review.id}`)
  expect(ran.stderr).toContain('server closed the connection unexpectedly')
  await shop.stack.startGateway()
  await checkNeverRuns(review, listener.profile.session, {
    why: 'the gateway that held it stopped',
    endReason: 'gateway_lost',
  })
  await listener.stop()
}, 90_000)

/** Somebody else's program on the port of a command that only listens, or the program that the command itself runs. */
interface Killing {
  readonly command: ChildProcess
  readonly psql: Promise<Ran>
}

const WAYS: readonly { readonly name: string; readonly start: () => Promise<Killing> }[] = [
  {
    name: 'a hoop connect that only listens',
    start: async () => {
      const listener = await shop.listen()
      return { command: listener.child, psql: listener.psql(['-c', UPDATE]) }
    },
  },
  {
    name: 'a hoop connect that runs psql',
    start: async () => {
      const command = shop.stack.spawnHoop(ADA, ['connect', 'shop', '--', '-X', '-c', UPDATE])
      return { command, psql: collect(command) }
    },
  },
]

test.each(WAYS)(
  'a statement that was held when $name was killed never runs',
  async ({ start }) => {
    const { command, psql } = await start()
    const review = await pending()
    const { session } = review.subject.kind === 'operation' ? review.subject : expect.unreachable()
    command.kill('SIGKILL')
    expect((await psql).code).not.toBe(0)
    await checkNeverRuns(review, session, {
      why: 'the client closed the connection',
      endReason: 'client_lost',
    })
  },
  90_000,
)
