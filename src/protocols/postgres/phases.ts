import type { Owed } from './owed.js'
import { CLIENT, TARGET } from './tags.js'

/** What a client may say. `skipping`: an error is on its way, and the target ignores everything up to Sync. */
export type ClientPhase = 'ready' | 'copyIn' | 'skipping'

/** What the target may say, by what it is answering. */
export type TargetPhase =
  | Exclude<Owed['kind'], 'describe' | 'copyEnd'>
  | 'queryRows'
  | 'queryFailed'
  | 'executeRows'
  | 'queryCopyOut'
  | 'executeCopyOut'
  | 'queryCopyIn'
  | 'executeCopyIn'
  | 'describeStatement'
  | 'describeParameters'
  | 'describePortal'
  | 'nothing'

/** Messages by phase, as their letters. What is not here is illegal there and closes the connection; invariant 2. */
const CLIENT_PHASES: Readonly<Record<ClientPhase, string>> = {
  ready: 'QPBDECSHFXdcf',
  // PostgreSQL, COPY-in mode: Flush and Sync are ignored, anything else loses the connection.
  copyIn: 'dcfHSX',
  skipping: 'QPBDECSHFXdcf',
}

/** ErrorResponse (E), NoticeResponse (N), NotificationResponse (A) and ParameterStatus (S) may come at any time. */
const TARGET_PHASES: Readonly<Record<TargetPhase, string>> = {
  query: 'TCIGHZ',
  queryRows: 'DC',
  queryCopyOut: 'dcC',
  queryCopyIn: 'C',
  queryFailed: 'Z',
  execute: 'DCIsGH',
  executeRows: 'DCs',
  executeCopyOut: 'dcC',
  executeCopyIn: 'C',
  parse: '1',
  bind: '2',
  close: '3',
  describeStatement: 't',
  describeParameters: 'Tn',
  describePortal: 'Tn',
  sync: 'Z',
  nothing: '',
}
const ALWAYS = 'ENAS'

/** True when the client may send the message now. */
export const clientMay = tableOf(CLIENT_PHASES, '')
/** True when the target may send the message now. */
export const targetMay = tableOf(TARGET_PHASES, ALWAYS)

/** Messages that are a header and nothing else. */
const CLIENT_EMPTY: ReadonlySet<number> = new Set([
  CLIENT.sync,
  CLIENT.flush,
  CLIENT.copyDone,
  CLIENT.terminate,
])
const TARGET_EMPTY: ReadonlySet<number> = new Set([
  TARGET.parseComplete,
  TARGET.bindComplete,
  TARGET.closeComplete,
  TARGET.emptyQuery,
  TARGET.noData,
  TARGET.portalSuspended,
  TARGET.copyDone,
])

/** A length that no message of its kind has. */
export function isLengthImpossible(side: 'client' | 'target', tag: number, length: number): boolean {
  if (length < 4 || length > 0x7fff_ffff) return true
  return (side === 'client' ? CLIENT_EMPTY : TARGET_EMPTY).has(tag) && length !== 4
}

/** Where the target is in answering the oldest entry. */
export function targetPhaseOf(owed: Owed | undefined): TargetPhase {
  if (owed === undefined) return 'nothing'
  switch (owed.kind) {
    case 'copyEnd':
      return 'nothing'
    case 'query':
      return QUERY[owed.run.phase]
    case 'execute':
      return EXECUTE[owed.run.phase]
    case 'describe':
      if (owed.of === 'portal') return 'describePortal'
      return owed.hasParameters ? 'describeParameters' : 'describeStatement'
    default:
      return owed.kind
  }
}

const QUERY = {
  start: 'query',
  rows: 'queryRows',
  copyOut: 'queryCopyOut',
  copyIn: 'queryCopyIn',
  failed: 'queryFailed',
} as const
const EXECUTE = {
  start: 'execute',
  rows: 'executeRows',
  copyOut: 'executeCopyOut',
  copyIn: 'executeCopyIn',
  // An Execute that failed is owed no more.
  failed: 'nothing',
} as const

function tableOf<Phase extends string>(
  phases: Readonly<Record<Phase, string>>,
  always: string,
): (phase: Phase, tag: number) => boolean {
  const tables = new Map<string, Uint8Array>()
  for (const [phase, letters] of Object.entries<string>(phases)) {
    const table = new Uint8Array(256)
    for (const letter of letters + always) table[letter.charCodeAt(0)] = 1
    tables.set(phase, table)
  }
  return (phase, tag) => tables.get(phase)?.[tag] === 1
}
