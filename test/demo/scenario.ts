import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ADA, EVE, GRACE } from '../setup/hoop-stack.js'
import type { Narrator } from './narrator.js'
import type { Person } from './person.js'
import type { Stage } from './stage.js'

const PROMPT = /shop=[*!]?> $/

interface Scene {
  readonly stage: Stage
  readonly narrator: Narrator
  readonly ada: Person
}

/** Plays the main job from the login to the evidence. Rejects at the first thing that is not as it should be. */
export async function playScenario(stage: Stage, narrator: Narrator): Promise<void> {
  const scene = { stage, narrator, ada: stage.person(ADA) }
  await signIn(scene)
  await readMasked(scene)
  await tryTricks(scene)
  await beRefused(scene)
  await askTheManager(scene)
  const session = await workAWhile(scene)
  await lookBack(scene, session)
  await findTheForgery(scene, session)
  await otherPeople(scene, session)
  leavesNoTrace(scene)
}

async function signIn({ stage, narrator, ada }: Scene): Promise<void> {
  narrator.heading('Ada, an engineer, signs in')
  await ada.login(stage.stack.provider, ADA)
  await ada.run('hoop whoami', { shows: ['ada@example.com', 'engineering'] })
  await ada.run('hoop connections', { shows: ['shop', 'reader, writer', 'beside-db (online)'] })
}

async function readMasked({ narrator, ada }: Scene): Promise<void> {
  narrator.heading('A SELECT comes back at once, with its secrets masked')
  const columns = 'name, email, phone, ssn, card_number'
  await ada.run(`hoop connect shop -- -c "SELECT ${columns} FROM customers ORDER BY id LIMIT 5"`, {
    shows: ['Amelia Ward', '************0168', '(5 rows)'],
  })
  await ada.run(`hoop connect shop -- -c "SELECT id, status, note FROM orders WHERE note IS NOT NULL"`, {
    shows: ['leave it with the neighbour', '(3 rows)'],
  })
  narrator.checked('no card number, no social security number, no address of anybody was received')
}

async function tryTricks({ narrator, ada }: Scene): Promise<void> {
  narrator.heading('Tricks do not help')
  const trick = `SELECT name, ssn || '' AS ssn, reverse(card_number) AS card FROM customers LIMIT 3`
  await ada.run(`hoop connect shop -- -c "${trick}"`, { shows: ['(3 rows)'], hides: [/\d{6}/] })
  narrator.checked('what is computed from a masked column is masked too')
}

async function beRefused({ stage, narrator, ada }: Scene): Promise<void> {
  narrator.heading('What must not happen is refused before the database sees it')
  const asWriter = 'hoop connect shop --role writer --reason "clean up"'
  await ada.run(`${asWriter} -- -c "DROP TABLE customers"`, { code: 1, shows: ['no-drop'] })
  await ada.run(`${asWriter} -- -c "DELETE FROM orders"`, { code: 1, shows: ['no-bare-delete'] })
  await ada.run(`${asWriter} -- -c "UPDATE payments SET amount = 0 WHERE id = 1"`, {
    code: 1,
    shows: ['payments-are-read-only', 'payments team'],
  })
  narrator.say("past the gateway, as the database's administrator")
  const count = 'SELECT (SELECT count(*) FROM customers) customers, (SELECT count(*) FROM orders) orders'
  await stage.administrator().run(`psql shop -c "${count}"`, { shows: [/15 \| +18/] })
  narrator.checked('every customer and every order is still there')
}

/** A statement that waits for Ada's manager, who answers from a terminal of her own. */
async function askTheManager({ stage, narrator, ada }: Scene): Promise<void> {
  narrator.heading('A risky UPDATE waits, and runs when the manager says yes')
  const grace = stage.person(GRACE)
  await grace.login(stage.stack.provider, GRACE)
  const approve = async (shown: string): Promise<void> => {
    narrator.say('meanwhile Grace, her manager, in another terminal')
    const review = /review (r-\w{16})/.exec(shown)?.[1] ?? 'of no name'
    await grace.run('hoop reviews', { shows: [review, 'ada@example.com', 'UPDATE customers'] })
    await grace.interact(
      `hoop reviews approve ${review} --comment "checked with the customer"`,
      [{ at: /\[y\/N\] $/, type: 'y' }],
      { shows: ["UPDATE customers SET city = 'Lyon' WHERE id = 4", 'approved by grace@example.com'] },
    )
    narrator.say('and at once in the terminal of Ada')
  }
  const shown = await ada.interact(
    'hoop connect shop --role writer --reason "ticket 4712"',
    [
      { at: PROMPT, type: "UPDATE customers SET city = 'Lyon' WHERE id = 4;" },
      { at: /HINT: {2}cancel the statement to withdraw the question\n$/, meanwhile: approve },
      { at: PROMPT, type: '\\q' },
    ],
    { shows: ['customers-need-a-yes', 'approved by grace@example.com', 'UPDATE 1'] },
  )
  narrator.say("past the gateway, as the database's administrator")
  await stage.administrator().run('psql shop -c "SELECT id, name, city FROM customers WHERE id = 4"', {
    shows: [/4 \| .* \| Lyon/],
  })
  const session = /session (s-[a-z0-9]+)/.exec(shown.text)?.[1] ?? 'of no name'
  await ada.run(`hoop sessions replay ${session}`, {
    shows: ['ada@example.com', 'grace@example.com said approve', 'checked with the customer', 'UPDATE 1'],
  })
  narrator.checked('the row is changed, and both names are in the recording')
}

/** A session with several statements, typed at psql's prompt. Gives its name. */
async function workAWhile({ stage, narrator, ada }: Scene): Promise<string> {
  narrator.heading('A session of work')
  const lines = [
    'SELECT id, status, total FROM orders WHERE customer_id = 9;',
    'BEGIN;',
    "UPDATE orders SET status = 'shipped' WHERE id = 1014;",
    'COMMIT;',
    'DELETE FROM orders;',
    'SELECT card_number, status FROM payments WHERE order_id = 1014;',
    '\\q',
  ]
  const shown = await ada.interact(
    'hoop connect shop --role writer --reason "ticket 4711"',
    lines.map(type => ({ at: PROMPT, type })),
    { shows: ['UPDATE 1', 'COMMIT', 'no-bare-delete', '************0344'] },
  )
  narrator.say("past the gateway, as the database's administrator")
  await stage.administrator().run('psql shop -c "SELECT id, status FROM orders WHERE id IN (1013, 1014)"', {
    shows: [/1013 \| cancelled/, /1014 \| shipped/],
  })
  narrator.checked('what was allowed was done, what was refused was not')
  const session = /session (s-[a-z0-9]+)/.exec(shown.text)?.[1]
  if (session === undefined) throw new Error('hoop connect did not say the name of its session')
  return session
}

async function lookBack({ narrator, ada }: Scene, session: string): Promise<void> {
  narrator.heading('All of it was recorded, as the client saw it')
  await ada.run('hoop sessions list', { shows: [session, 'writer', 'reader'] })
  await ada.run(`hoop sessions show ${session}`, { shows: ['no-bare-delete 1', 'whole and unaltered'] })
  await ada.run(`hoop sessions replay ${session}`, {
    shows: ['DELETE FROM orders', 'refused by rule "no-bare-delete"', '************0344', 'ticket 4711'],
  })
  await ada.run(`hoop sessions verify ${session}`, { shows: ['whole and unaltered'] })
}

async function findTheForgery({ stage, narrator, ada }: Scene, session: string): Promise<void> {
  narrator.heading('One changed byte is found')
  const file = join(stage.stack.env(ADA).HOME ?? '/', 'recording.jsonl')
  await ada.run(`hoop sessions export ${session} > recording.jsonl`)
  const before = readFileSync(file)
  await ada.run('hoop sessions verify --file recording.jsonl', { shows: ['whole and unaltered'] })
  await ada.run('sed -i "s/DELETE FROM orders;/DELETE FROM ordera;/" recording.jsonl')
  const after = readFileSync(file)
  const changed = before.length === after.length ? before.filter((byte, at) => byte !== after[at]).length : -1
  if (changed !== 1) throw new Error(`${changed} bytes of the recording were changed, not 1`)
  await ada.run('hoop sessions verify --file recording.jsonl', { code: 65, shows: ['NOT to be relied on'] })
  narrator.checked('the altered recording is refused, with the line that was altered')
}

async function otherPeople({ stage, narrator }: Scene, session: string): Promise<void> {
  narrator.heading('Eve, in sales, has no access; Grace, an auditor, sees what everybody did')
  const eve = stage.person(EVE)
  await eve.login(stage.stack.provider, EVE)
  // In the words for a connection that does not exist: what is closed to somebody is not shown to be there.
  await eve.run('hoop connect shop', { code: 64, shows: ['you have no connection of that name'] })
  const grace = stage.person(GRACE)
  await grace.run('hoop sessions list --limit 2', { shows: [session, 'ada@example.com'] })
}

/** Nothing that must not be seen is in a recording or in the gateway's log either. */
function leavesNoTrace({ stage, narrator }: Scene): void {
  const { stack, shop } = stage
  const kept = readdirSync(stack.directory, { recursive: true, encoding: 'utf8' })
    .filter(name => name.startsWith('data/recordings/') || name.startsWith('home/'))
    .map(name => join(stack.directory, name))
    .filter(path => statSync(path).isFile())
  const recordings = kept.filter(path => path.startsWith(stack.recordings)).length
  if (recordings === 0) throw new Error('no recording was found on the disk')
  const texts = [...kept.map(path => readFileSync(path, 'utf8')), stack.gatewayLog()]
  const found = shop.unseen.filter(value => texts.some(text => text.includes(value)))
  if (found.length > 0) throw new Error(`${found.length} values were kept that must not be: ${found[0]}`)
  narrator.blank()
  narrator.checked(`${recordings} recordings, the gateway's log and what the clients kept hold no such value`)
}
