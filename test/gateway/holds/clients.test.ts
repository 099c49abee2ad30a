import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { collect } from '../../setup/hoop-stack.js'
import { cleanEnvironment } from '../../setup/postgres.js'
import { type Holding, makeHeldDatabase, makeHolding } from './held-fixture.js'

const DATABASE = 'held_clients'

beforeAll(() => makeHeldDatabase(DATABASE))

const nameOf = (holding: Holding, id: number) => holding.sql(`SELECT name FROM people WHERE id = ${id}`)

/** A real program on the port of a session. */
function start(holding: Holding, program: string, args: readonly string[], input = '') {
  const { host, port, user, password, database } = holding.profile
  const child = spawn(program, args, {
    env: {
      ...cleanEnvironment(),
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
      PGSSLMODE: 'disable',
    },
    stdio: 'pipe',
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdin.end(input)
  return { child, ended: collect(child) }
}

test('psql says what it waits for, and goes on with its script', async () => {
  const holding = await makeHolding({ database: DATABASE })
  const script = "SELECT 'before';\nUPDATE people SET name = 'psql' WHERE id = 1;\nSELECT 'after';\n"
  const { ended } = start(holding, 'psql', ['-X', '-A', '-t'], script)
  const review = await holding.pending()
  await holding.answer(review, 'approve', undefined, 'go on')
  const { code, stdout, stderr } = await ended
  expect([code, stdout]).toEqual([0, 'before\nUPDATE 1\nafter\n'])
  expect(stderr.split('\n')).toEqual([
    `NOTICE:  held by rule "writes-need-a-dba", review ${review.id}, https://hoop.example.com/reviews/${review.id}, waiting for 1 of [dba]`,
    'DETAIL:  it writes; this waits for 15 minutes',
    'HINT:  cancel the statement to withdraw the question',
    'NOTICE:  approved by grace@example.com at 12:00 UTC: "go on"',
    `DETAIL:  review ${review.id}`,
    '',
  ])
  expect(await nameOf(holding, 1)).toBe('psql')
})

test('who is asked is told about how many rows the table holds', async () => {
  const holding = await makeHolding({ database: DATABASE })
  await holding.sql('ANALYZE people')
  const { client } = await holding.connect()
  const check = async (text: string, rowEstimate: number | undefined): Promise<void> => {
    const running = client.query(text).catch(() => {})
    const review = await holding.pending()
    const { subject } = review
    expect([text, subject.kind === 'operation' && subject.rowEstimate]).toEqual([text, rowEstimate])
    await holding.answer(review, 'deny')
    await running
  }
  await check('DELETE FROM people WHERE id > 0', 5)
  await check('UPDATE public.people SET name = name WHERE id = 1', 5)
  await check('DELETE FROM v_people WHERE id > 0', undefined)
  await check('CREATE TABLE more (id int)', undefined)
})

test('several statements of one text are one question, and one that fails undoes them together', async () => {
  const holding = await makeHolding({ database: DATABASE })
  const text = "UPDATE people SET name = 'one' WHERE id = 2; SELECT 1; DELETE FROM people WHERE id = 1/0"
  const { ended } = start(holding, 'psql', ['-X', '-A', '-t', '-c', text])
  const review = await holding.pending()
  expect(review.subject).toMatchObject({ statementCount: 3, verbs: ['UPDATE', 'SELECT', 'DELETE'] })
  await holding.answer(review)
  expect((await ended).stderr).toContain('division by zero')
  expect(await nameOf(holding, 2)).toBe('p2')
})

test('COPY waits before it takes data', async () => {
  const holding = await makeHolding({ database: DATABASE })
  const { ended } = start(holding, 'psql', ['-X', '-c', '\\copy others from stdin'], '7\tseven\n8\teight\n')
  await holding.answer(await holding.pending())
  expect(await ended).toMatchObject({ code: 0, stdout: 'COPY 2\n' })
  expect(await holding.sql('SELECT count(*) FROM others WHERE id > 6')).toBe('2')
})

test.each(['simple', 'extended'])('the wait is no part of a statement timeout (%s)', async protocol => {
  const holding = await makeHolding({ database: DATABASE })
  const { client } = await holding.connect({ statement_timeout: 300 })
  const text = "UPDATE people SET name = 'patient' WHERE id = 3"
  const running = protocol === 'simple' ? client.query(text) : client.query(`${text} AND $1::int = 1`, [1])
  const review = await holding.pending()
  // Longer than the timeout, at the target: there it would count.
  await holding.sql('SELECT pg_sleep(0.6)')
  await holding.answer(review)
  expect((await running).rowCount).toBe(1)
})

test('a psql that is killed takes its question with it', async () => {
  const holding = await makeHolding({ database: DATABASE })
  const { child, ended } = start(holding, 'psql', [
    '-X',
    '-c',
    "UPDATE people SET name = 'dead' WHERE id = 4",
  ])
  const review = await holding.pending()
  child.kill('SIGKILL')
  await ended
  await expect.poll(async () => (await holding.find(review)).state).toBe('withdrawn')
  expect(await nameOf(holding, 4)).toBe('p4')
})

test('rows are fetched from a cursor that people agreed to without asking again', async () => {
  const holding = await makeHolding({ database: DATABASE })
  const { client } = await holding.connect()
  await client.query('BEGIN')
  const declared = client.query('DECLARE c CURSOR FOR SELECT id FROM people ORDER BY id FOR UPDATE')
  await holding.answer(await holding.pending())
  await declared
  expect((await client.query('FETCH 2 FROM c')).rows).toEqual([{ id: 1 }, { id: 2 }])
  expect((await client.query('FETCH 2 FROM c')).rows).toEqual([{ id: 3 }, { id: 4 }])
  const update = client.query("UPDATE people SET name = 'x' WHERE CURRENT OF c")
  const review = await holding.pending()
  const behind = ['DECLARE c CURSOR FOR SELECT id FROM people ORDER BY id FOR UPDATE']
  expect(review.subject).toMatchObject({ inTransaction: true, behind })
  await holding.answer(review, 'deny')
  await expect(update).rejects.toMatchObject({ code: '42501' })
  await client.query('ROLLBACK')
})

test.each(['simple', 'extended', 'prepared'])(
  'pgbench runs on when its writes are agreed to (%s)',
  async mode => {
    const holding = await makeHolding({ database: DATABASE })
    const script = join(holding.gateway.directory, 'script.sql')
    writeFileSync(
      script,
      "\\set id random(1, 5)\nUPDATE people SET name = 'b' || :id WHERE id = :id;\nSELECT 1;\n",
    )
    const { ended } = start(holding, 'pgbench', ['-n', '-c', '2', '-t', '3', '-M', mode, '-f', script])
    let isOver = false
    void ended.then(() => {
      isOver = true
    })
    while (!isOver) {
      const open = { reader: undefined, states: ['pending'], limit: 10 } as const
      const waiting = await holding.gateway.store.reviews.list(open)
      for (const { review } of waiting) await holding.answer(review).catch(() => {})
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    expect((await ended).stdout).toContain('number of transactions actually processed: 6/6')
  },
)
