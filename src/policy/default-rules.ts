import type { CommandFacts } from '../domain/facts.js'
import { type RuleName, readRuleName } from '../domain/names.js'
import { changedReading, isReset } from './reading-settings.js'
import { isServerFunction } from './server-functions.js'

/** A rule that is shipped. It denies; written here and not in CEL because every statement pays for it. */
export interface DefaultRule {
  readonly name: RuleName
  /** What it refuses, for the documentation. */
  readonly summary: string
  /** False for the rules that other promises stand on. */
  readonly canBeOff: boolean
  readonly hint: string | undefined
  /** The verbs it is about, where it is about verbs: for those who ask why it did not match. */
  readonly verbs: readonly string[]
  /** Why the command is refused, half a sentence; undefined when it is not. */
  judge(command: CommandFacts): string | undefined
}

/** INVARIANT 2: what was not understood is not forwarded. Named here, judged before there are commands to judge. */
export const NOT_UNDERSTOOD = shippedName('not-understood')
/** The name under which a command is refused that no rule allows, where the default is to deny. */
export const STATEMENT_DEFAULT = shippedName('statement-default')

/** The shipped rules that judge commands, in the order in which they are asked. */
export const DEFAULT_RULES: readonly DefaultRule[] = [
  {
    name: shippedName('no-reading-change'),
    summary:
      'settings that change how the server reads a text: string escapes, encodings; triggers switched off',
    canBeOff: false,
    hint: undefined,
    verbs: ['SET', 'RESET'],
    judge(command) {
      const setting = changedReading(command)
      if (setting === undefined) return undefined
      return setting === '*'
        ? 'set_config() with a computed name could change how the server reads statements'
        : `changing "${setting}" would change how the server reads statements`
    },
  },
  {
    name: shippedName('no-identity-change'),
    summary: 'SET ROLE and SET SESSION AUTHORIZATION: a session keeps the identity its grant gave it',
    canBeOff: true,
    hint: 'ask for a grant in another role: hoop connect NAME --role ROLE',
    verbs: ['SET', 'RESET'],
    judge: command =>
      changesIdentity(command) ? 'a session keeps the identity that its grant gave it' : undefined,
  },
  {
    name: shippedName('no-drop'),
    summary: 'DROP, and the ALTER … DROP that removes a column or a constraint',
    canBeOff: true,
    hint: undefined,
    verbs: ['DROP', 'ALTER'],
    judge: command =>
      command.drops ? `${spell(command)} takes an object away, or a part of one` : undefined,
  },
  {
    name: shippedName('no-truncate'),
    summary: 'TRUNCATE',
    canBeOff: true,
    hint: 'use DELETE with a WHERE that reads a column',
    verbs: ['TRUNCATE'],
    judge: command => (command.verb === 'TRUNCATE' ? 'TRUNCATE removes every row' : undefined),
  },
  {
    name: shippedName('no-bare-update'),
    summary:
      'UPDATE without a condition that reads a column, also inside WITH, MERGE, PREPARE and EXPLAIN ANALYZE',
    canBeOff: true,
    hint: 'add a WHERE that reads a column',
    verbs: ['UPDATE'],
    judge: command =>
      command.verb === 'UPDATE' && !command.filtered
        ? 'UPDATE without a condition changes every row'
        : undefined,
  },
  {
    name: shippedName('no-bare-delete'),
    summary:
      'DELETE without a condition that reads a column, also inside WITH, MERGE, PREPARE and EXPLAIN ANALYZE',
    canBeOff: true,
    hint: 'add a WHERE that reads a column',
    verbs: ['DELETE'],
    judge: command =>
      command.verb === 'DELETE' && !command.filtered
        ? 'DELETE without a condition removes every row'
        : undefined,
  },
  {
    name: shippedName('no-opaque-code'),
    summary: 'code that cannot be read beforehand: DO, functions, procedures, triggers, rules, row policies',
    canBeOff: true,
    hint: 'send the statements themselves, one by one',
    verbs: ['DO'],
    judge: command =>
      command.opaque ? `${spell(command)} carries code that cannot be read beforehand` : undefined,
  },
  {
    name: shippedName('no-server-access'),
    summary:
      "the server's files, programs, pages and change log; other servers; texts run as statements by a function",
    canBeOff: true,
    hint: undefined,
    verbs: ['COPY'],
    judge(command) {
      if (command.serverAccess) return `${spell(command)} reaches the server itself`
      const reached = command.functions.find(isServerFunction)
      return reached === undefined
        ? undefined
        : `function "${reached.name}" reaches beyond the tables it names`
    },
  },
]

/** Every name that a rule of a configuration cannot take. */
export const SHIPPED_NAMES: readonly RuleName[] = [
  NOT_UNDERSTOOD,
  STATEMENT_DEFAULT,
  ...DEFAULT_RULES.map(rule => rule.name),
]

const IDENTITY_SETTINGS = new Set(['role', 'session_authorization', '*'])

function changesIdentity(command: CommandFacts): boolean {
  return command.settings.some(setting => {
    const name = setting.name.toLowerCase()
    if (!IDENTITY_SETTINGS.has(name)) return false
    // Back to the identity the session began with. A value that could not be read is not that.
    if (setting.value === undefined) return !isReset(command)
    return !(name === 'role' && setting.value.toLowerCase() === 'none')
  })
}

function spell(command: CommandFacts): string {
  return command.object === '' ? command.verb : `${command.verb} ${command.object}`
}

function shippedName(text: string): RuleName {
  const name = readRuleName(text)
  if (name === undefined) throw new Error(`the shipped rule "${text}" has a name that is none`)
  return name
}
