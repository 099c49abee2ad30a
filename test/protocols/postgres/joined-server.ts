import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Decision } from '../../../src/domain/decision.js'
import type { RecordingEvent } from '../../../src/domain/event.js'
import type { StatementFacts, TextFacts } from '../../../src/domain/facts.js'
import { makeReviewId } from '../../../src/domain/ids.js'
import { readRuleName } from '../../../src/domain/names.js'
import type { Operation } from '../../../src/domain/operation.js'
import type { ColumnSource, StatementMasking } from '../../../src/masking/statement-masking.js'
import { joinPostgres } from '../../../src/protocols/postgres/machine.js'
import type { Action, Machine, Verdict } from '../../../src/protocols/protocol.js'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../../src/sql/postgres/read-text.js'
import type { PostgresDetails } from '../../setup/postgres.js'
import { openTarget } from './bridge.js'

/** A statement with this in it is refused. */
export const FORBIDDEN = '/*forbidden*/'
/** What the client is told when its operation waits for people. */
export const HELD = 'held for a moment'
const REVIEW = makeReviewId(size => new Uint8Array(size))
export const RULE = ruleNamed('no-forbidden')

export interface JoinedOptions {
  readonly postgres: PostgresDetails
  readonly database?: string
  readonly masking?: StatementMasking
  /** Verdicts come in a later turn of the event loop. */
  readonly judgesLater?: boolean
  readonly rowsMax?: number
  /** Everything that runs waits for people first, who agree a moment later. */
  readonly holds?: boolean
}

export interface JoinedServer {
  readonly port: number
  readonly events: readonly RecordingEvent[]
  readonly machines: readonly Machine[]
  readonly catalogChanges: () => number
  stop(): Promise<void>
}

/** A gateway in little: any client that comes is joined to the real server as superuser. */
export async function startJoined(options: JoinedOptions): Promise<JoinedServer> {
  await loadPostgresGrammar()
  const events: RecordingEvent[] = []
  const machines: Machine[] = []
  const sockets = new Set<Duplex>()
  let operations = 0
  let catalogChanges = 0
  const server = createServer({ noDelay: true }, client => {
    sockets.add(client)
    client.on('error', () => {})
    greet(client, database => {
      void join(database).catch(() => client.destroy())
    })
    const join = async (database: string) => {
      const outcome = await openTarget({
        host: options.postgres.host,
        port: options.postgres.port,
        user: options.postgres.superuser,
        password: options.postgres.superuserPassword,
        database,
        tls: 'disable',
      })
      if (outcome.kind === 'failed') throw new Error(outcome.message)
      const target = outcome.stream
      sockets.add(target)
      target.on('error', () => {})
      const machine = joinPostgres({
        client: machines.length + 1,
        ready: outcome.ready,
        cancelKey: { process: 4711, secret: Buffer.from('abcd') },
        results: { rowsMax: options.rowsMax ?? 10, bytesMax: 65_536 },
        statementBytesMax: 1_000_000,
        nextOperation: () => (operations += 1),
      })
      machine.setBackground(() => options.masking)
      machines.push(machine)
      const perform = performer({
        client,
        target,
        machine,
        events,
        options,
        changed: () => (catalogChanges += 1),
      })
      perform(machine.begin())
      client.on('data', (chunk: Buffer) => perform(machine.fromClient(chunk)))
      target.on('data', (chunk: Buffer) => perform(machine.fromTarget(chunk)))
      target.on('drain', () => client.resume())
      client.on('drain', () => target.resume())
      client.once('close', () => {
        perform(machine.end('client_closed', 'gone'))
        target.destroy()
      })
      target.once('close', () => {
        perform(machine.end('target_closed', 'the target closed'))
        client.end()
      })
      client.resume()
      target.resume()
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    events,
    machines,
    catalogChanges: () => catalogChanges,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

interface Performance {
  readonly client: Duplex
  readonly target: Duplex
  readonly machine: Machine
  readonly events: RecordingEvent[]
  readonly options: JoinedOptions
  readonly changed: () => void
}

function performer({ client, target, machine, events, options, changed }: Performance) {
  const perform = (actions: readonly Action[]): void => {
    for (const action of actions) {
      if (action.kind === 'record') events.push(action.event)
      else if (action.kind === 'catalogChanged') changed()
      else if (action.kind === 'toClient') {
        if (!client.destroyed && !client.write(action.bytes)) target.pause()
      } else if (action.kind === 'toTarget') {
        if (!target.destroyed && !target.write(action.bytes)) client.pause()
      } else if (action.kind === 'judge') {
        const verdict = judge(action.operation, options.masking)
        if (options.holds === true) hold(action.operation, verdict)
        else if (options.judgesLater === true) {
          client.pause()
          setImmediate(() => {
            perform(machine.decide(verdict))
            if (!machine.isWaiting) client.resume()
          })
        } else perform(machine.decide(verdict))
      } else {
        client.end()
        target.end()
      }
    }
  }
  const hold = (operation: Operation, verdict: Verdict): void => {
    if (operation.step === 'prepare') return perform(machine.decide({ ...verdict, reviewedWhenRun: true }))
    perform(machine.hold())
    perform(machine.notify({ message: HELD }))
    const { decision } = verdict
    const agreed = decision.kind === 'allow' ? { ...decision, review: REVIEW } : decision
    setTimeout(() => perform(machine.decide({ ...verdict, decision: agreed })), 2)
  }
  return perform
}

const factsByText = new Map<string, TextFacts>()

/** Judges like the gateway: facts by the real grammar, names resolved, a marker in the text for the forbidden. */
export function judge(operation: Operation, masking?: StatementMasking): Verdict {
  const facts = factsByText.get(operation.text) ?? readPostgresText(operation.text)
  factsByText.set(operation.text, facts)
  const own = facts.understood ? facts.statements : []
  const behind = own.flatMap(({ flow: { sessionName } }): readonly StatementFacts[] => {
    if (sessionName?.name === undefined) return []
    if (sessionName.kind === 'execute') return operation.names.behind('prepared', sessionName.name) ?? []
    return sessionName.kind === 'fetch' ? (operation.names.behind('cursor', sessionName.name) ?? []) : []
  })
  return {
    decision: decide(operation.text, facts),
    facts,
    statements: [...own, ...behind],
    masking,
    verbs: own.map(one => one.commands[0]?.verb ?? ''),
    tables: [],
  }
}

function decide(text: string, facts: TextFacts): Decision {
  if (!facts.understood)
    return { kind: 'deny', rule: ruleNamed('not-understood'), message: facts.reason, hint: undefined }
  if (text.includes(FORBIDDEN))
    return { kind: 'deny', rule: RULE, message: 'it is forbidden', hint: 'ask for less' }
  return { kind: 'allow', rule: undefined }
}

/** Masks the columns with these names, whatever their table: text as `[masked]`, everything else as NULL. */
export function maskNamed(names: readonly string[], hidesMessages = false): StatementMasking {
  const rule = ruleNamed('hide-them')
  const masked = Buffer.from('[masked]')
  const cell = (column: ColumnSource) => ({
    rule,
    mask: () => (column.typeOid === 25 || column.typeOid === 1043 ? masked : null),
  })
  return {
    planRows(columns) {
      if (!columns.some(column => names.includes(column.name))) return undefined
      return columns.map(column => (names.includes(column.name) ? cell(column) : undefined))
    },
    planCopy: count =>
      Array.from({ length: count }, (_, at) => (at === 1 ? { rule, mask: () => masked } : undefined)),
    maskText: text => text.replaceAll(/\d{3}-\d{2}-\d{4}/g, '***'),
    hidesMessages,
  }
}

export function ruleNamed(text: string) {
  const name = readRuleName(text)
  if (name === undefined) throw new Error(text)
  return name
}

/** Answers SSLRequest and GSSENCRequest with N, and gives the database of the StartupMessage. */
function greet(client: Socket, started: (database: string) => void): void {
  client.on('data', function onData(chunk: Buffer) {
    const code = chunk.readUInt32BE(4)
    if (code !== 196608) {
      client.write('N')
      return
    }
    const fields = chunk.toString('utf8', 8).split('\0')
    client.off('data', onData)
    client.pause()
    const at = fields.indexOf('database')
    started(fields[at + 1] ?? 'postgres')
  })
}
