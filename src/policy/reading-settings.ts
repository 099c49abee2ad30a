import type { CommandFacts, SettingUse } from '../domain/facts.js'

/** What a setting may be set to; `reset` says that going back to the session's first value is fine as well. */
interface Allowed {
  readonly values: ReadonlySet<string>
  readonly reset: boolean
}

/**
 * The settings that change how the server reads a text or a write. Every value that is not listed here is refused: under
 * any other encoding the bytes of a statement are another text to the server than to the gateway. PostgreSQL 18,
 * sections 19.13 "Version and Platform Compatibility" and 23.3 "Character Set Support".
 */
const READING_SETTINGS: ReadonlyMap<string, Allowed> = new Map([
  [
    'standard_conforming_strings',
    { values: new Set(['on', 'true', 'yes', '1', 't', 'tr', 'tru', 'y', 'ye']), reset: false },
  ],
  ['client_encoding', { values: new Set(['utf8', 'unicode']), reset: true }],
  ['backslash_quote', { values: new Set(['safeencoding', 'off', 'false', 'no', '0']), reset: true }],
  // With it `x = NULL`, which holds for no row, is another condition.
  ['transform_null_equals', { values: new Set(['off', 'false', 'no', '0', 'f', 'n']), reset: true }],
  ['session_replication_role', { values: new Set(['origin']), reset: true }],
])

/** Verbs that go back to the session's first value when they carry none. Any other one has a value we could not read. */
const RESETTING = new Set(['SET', 'RESET', 'DISCARD'])

/** The name of the first setting in a command that would change how texts are read, or undefined. */
export function changedReading(command: CommandFacts): string | undefined {
  const changed = command.settings.find(setting => changesReading(command, setting))
  if (changed !== undefined) return changed.name
  // An UPDATE of this view sets settings: pg_settings has a rule that calls set_config. A view over it does too.
  return command.relations.some(relation => isSettingsView(command, relation)) ? 'pg_settings' : undefined
}

function changesReading(command: CommandFacts, setting: SettingUse): boolean {
  const name = setting.name.toLowerCase()
  // Not known which: set_config was given something other than a constant.
  if (name === '*') return true
  const allowed = READING_SETTINGS.get(name)
  if (allowed === undefined) return false
  if (setting.value === undefined) return !(allowed.reset && isReset(command))
  // Spelled as the server spells it: case and punctuation do not count (`UTF-8`, `utf8`).
  return !allowed.values.has(setting.value.toLowerCase().replace(/[^a-z0-9]/g, ''))
}

/** True when a setting without a value goes back to where the session began, and hides nothing. */
export function isReset(command: CommandFacts): boolean {
  return RESETTING.has(command.verb) && !command.functions.some(one => one.name === 'set_config')
}

function isSettingsView(command: CommandFacts, relation: CommandFacts['relations'][number]): boolean {
  if (relation.name !== 'pg_settings') return false
  // A temporary one comes before the system's, and could name other settings than a statement seems to say.
  if (!['pg_catalog', 'pg_temp'].includes(relation.schema ?? 'pg_catalog')) return false
  return relation.access === 'write' || (command.verb === 'CREATE' && command.object.includes('VIEW'))
}
