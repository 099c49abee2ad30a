import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { RecordingEvent } from '../../domain/event.js'
import type { EndReason } from '../../domain/session.js'
import { describeError, HoopError } from '../../lib/hoop-error.js'
import type { CancelKey, ClientStarted, JoinOptions, Protocol } from '../../protocols/protocol.js'
import { protocolNamed } from '../../protocols/registry.js'
import type { Log } from '../../tunnel/log.js'
import { checkDatabase } from '../access/check-database.js'
import type { AgentHub } from '../agents/hub.js'
import type { ReviewDesk } from '../reviews/desk.js'
import { cancelUntilClosed } from './cancel-until-closed.js'
import { type CatalogNeed, type Catalogs, catalogKey } from './catalogs.js'
import { shakeHands } from './client-handshake.js'
import { makeClientRules } from './client-rules.js'
import type { FactsCache } from './facts-cache.js'
import { type FreshCatalogOptions, makeFreshCatalog } from './fresh-catalog.js'
import { type Judge, makeJudge } from './judge.js'
import { liftedNotice } from './lifted-notice.js'
import type { LiveSession, SessionRules } from './live-session.js'
import { openOwnTarget } from './open-own-target.js'
import { Relay } from './relay.js'
import { sessionHold } from './session-hold.js'
import { openTarget, sendAside, type TargetConnection, type TargetOptions } from './target.js'

/** What serving a client needs of the gateway. */
export interface ServeDeps {
  readonly agents: AgentHub
  readonly catalogs: Catalogs
  readonly facts: FactsCache
  readonly reviews: ReviewDesk
  /** Where people reach the gateway with a browser: a review's address begins with it. */
  readonly publicUrl: string
  readonly log: Log
  readonly now: () => Date
}

/** Serves one client connection of a session, from its first byte to its last. Never rejects. */
export async function serveClient(client: Duplex, live: LiveSession, deps: ServeDeps): Promise<void> {
  const protocol = protocolNamed(live.session.protocol)
  live.clientConnections += 1
  try {
    const outcome = await live.whileStranger(client, shakeHands(client, protocol, live.verifier))
    if (outcome.kind === 'cancel') {
      await cancelRunning(live, outcome.key, deps)
      client.end()
    } else if (outcome.kind === 'closed') {
      deps.log.info({ session: live.session.id, reason: outcome.reason }, outcome.message)
      client.end()
    } else {
      await joinTarget({ client, live, deps, protocol, start: outcome.start })
    }
  } catch (error) {
    const { reason, message, hint } = explainFailure(error)
    deps.log.warn(
      { session: live.session.id, cause: describeError(error) },
      'a client connection could not be served',
    )
    client.end(protocol.refuseStart(reason, message, hint))
  } finally {
    live.clientConnections -= 1
  }
}

interface Joining {
  readonly client: Duplex
  readonly live: LiveSession
  readonly deps: ServeDeps
  readonly protocol: Protocol
  readonly start: ClientStarted
}

async function joinTarget({ client, live, deps, protocol, start }: Joining): Promise<void> {
  const database = start.database ?? live.admission.connection.database
  checkDatabase(live.admission.connection, database)
  const target = targetOptions(live, deps, { database, settings: start.settings })
  const { key, read } = catalogOf(live, deps, database)
  // Both at once: the catalog is only slow the first time.
  const opening = openTarget(live.admission, target)
  const [opened, catalog] = await Promise.all([opening, read('search')]).catch(error => {
    opening.then(abandon, () => {})
    throw error
  })
  const number = live.nextClient()
  const cancelKey = makeCancelKey(start.cancelSecretBytes)
  const machine = protocol.join({ ...joinOptions(live), client: number, ready: opened.ready, cancelKey })
  const rules = makeClientRules(live.rules(database), catalog)
  machine.setBackground(rules.background)
  const { application } = start
  await recordStart(live, opened, { kind: 'client', client: number, database, application })
  const judge = judgeOf(deps.facts, rules, read)
  const relay = new Relay({
    client,
    target: opened.stream,
    machine,
    judge,
    hold: sessionHold({ live, deps, client: number, target, judge }),
    noticeOf: (operation, verdict) => liftedNotice({ operation, verdict, live }),
    recorder: live.recorder,
    onCatalogChanged: () => deps.catalogs.invalidate(key),
    onFault: error =>
      deps.log.error({ session: live.session.id, cause: describeError(error) }, 'a relay failed'),
    onActivity: live.touch,
  })
  const cancel = async (): Promise<void> => {
    if (opened.ready.cancelKey === undefined) return
    await sendAside(live.admission, target, protocol.cancelRequest(opened.ready.cancelKey))
  }
  live.add(number, { relay, cancelKey, cancel })
  // The session may have ended while the target was opened.
  if (live.endReason === undefined) relay.start()
  else relay.end(live.endReason, { hint: live.endHint })
  const { wasBusy, counts } = await relay.ended
  // Nobody reads the answer any more: what still runs at the target is cancelled.
  const onFault = (error: unknown): void =>
    deps.log.warn({ cause: describeError(error) }, 'a cancel was not delivered')
  if (wasBusy) void cancelUntilClosed(opened.stream, cancel, onFault)
  live.recordClientEnd({ kind: 'client_end', client: number, ...counts })
}

/** INVARIANT 1: a client connection that cannot be recorded is not joined to its target. */
async function recordStart(
  { recorder }: LiveSession,
  opened: TargetConnection,
  event: RecordingEvent,
): Promise<void> {
  try {
    recorder.append(event)
    await recorder.commit()
  } catch (error) {
    abandon(opened)
    throw error
  }
}

/** The target of a client that could not be joined to it: no connection stays open for nobody. */
function abandon({ stream }: TargetConnection): void {
  stream.on('error', () => {})
  stream.destroy()
}

function joinOptions(
  live: LiveSession,
): Pick<JoinOptions, 'results' | 'statementBytesMax' | 'nextOperation'> {
  const { results, limits } = live.admission.connection
  return { results, statementBytesMax: limits.statementBytesMax, nextOperation: live.nextOperation }
}

/** What is known of one database, shared by every session of the same role. */
function catalogOf(live: LiveSession, deps: ServeDeps, database: string) {
  const key = catalogKey(live.admission, database)
  const protocol = protocolNamed(live.session.protocol)
  const open = () => openOwnTarget(live.admission, targetOptions(live, deps, { database, settings: {} }))
  return { key, read: (need: CatalogNeed) => deps.catalogs.read(key, { protocol, open }, need) }
}

function targetOptions(
  live: LiveSession,
  deps: ServeDeps,
  asked: Pick<TargetOptions, 'database' | 'settings'>,
): TargetOptions {
  const protocol = protocolNamed(live.session.protocol)
  return { protocol, credential: live.credential, agents: deps.agents, ...asked }
}

/** Only the statement in flight is cancelled; a request that comes after its end is dropped. */
async function cancelRunning(live: LiveSession, key: CancelKey, deps: ServeDeps): Promise<void> {
  const found = live.findByCancelKey(key)
  if (found === undefined || !found.relay.isBusy) return
  live.recorder.append({ kind: 'cancel', client: found.client })
  await live.recorder.commit()
  // What waits for people is not at the target: there is nothing to be cancelled there.
  if (found.relay.withdraw()) return
  await found.cancel()
  deps.log.debug({ session: live.session.id, client: found.client }, 'a statement was cancelled')
}

function makeCancelKey(secretBytes: number): CancelKey {
  const random = randomBytes(4 + secretBytes)
  // A process number is positive in every client that prints it.
  return { process: random.readUInt32BE(0) >>> 1, secret: random.subarray(4) }
}

function explainFailure(error: unknown): { reason: EndReason; message: string; hint?: string } {
  if (!(error instanceof HoopError)) return { reason: 'fault', message: 'an internal error occurred' }
  const hint = error.hint === undefined ? {} : { hint: error.hint }
  const reason: EndReason =
    error.code === 'recording_failed'
      ? 'recorder_failed'
      : error.code === 'forbidden' || error.code === 'target_refused'
        ? 'refused_start'
        : 'target_unavailable'
  return { reason, message: error.message, ...hint }
}

/** The judge of one client connection. */
function judgeOf(facts: FactsCache, rules: SessionRules, read: FreshCatalogOptions['read']): Judge {
  const { decide, maskerFor } = rules
  return makeJudge({
    readFacts: text => facts.read(text),
    traceLineage: (statement, catalog) => facts.traceLineage(statement, catalog),
    catalog: makeFreshCatalog({ read, usesCatalog: () => rules.usesCatalog }),
    decide,
    maskerFor,
  })
}
