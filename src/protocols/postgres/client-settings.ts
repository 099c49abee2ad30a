/** Settings that a client may name when it connects; every one is the client's own business in the session. */
const SETTINGS_ALLOWED: ReadonlySet<string> = new Set([
  'application_name',
  'bytea_output',
  'client_encoding',
  'client_min_messages',
  'datestyle',
  'default_transaction_deferrable',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'extra_float_digits',
  'geqo',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'intervalstyle',
  'jit',
  'lock_timeout',
  'search_path',
  'statement_timeout',
  'timezone',
  'transaction_timeout',
])

/**
 * INVARIANT: the server reads the bytes of a statement as the gateway does. In another encoding they are other names (a
 * table in Cyrillic letters under WIN1251) or, where a quote may be half of a letter (SJIS, BIG5, GBK), another
 * statement; with the other kind of strings a backslash hides a quote. Set for every client, because a role or a
 * database can have defaults of its own; what comes with the start is stronger than those, and RESET goes back to it.
 */
const SETTINGS_PINNED = { client_encoding: 'UTF8', standard_conforming_strings: 'on' } as const

/**
 * The name of a setting by which the target would read other texts than the gateway does; undefined when it reports both
 * as they were pinned. Asked at the join: a pooler may have dropped them on the way, and then nothing that follows is sure.
 */
export function unpinnedSetting(settings: ReadonlyMap<string, string>): string | undefined {
  return Object.keys(SETTINGS_PINNED).find(name => !isReadAlike(name, settings.get(name)))
}

/** False for a report of the target after which it would read other texts than the gateway does. */
export function isReadAlike(name: string, value: string | undefined): boolean {
  const pinned: Readonly<Record<string, string>> = SETTINGS_PINNED
  return !Object.hasOwn(pinned, name) || pinned[name] === value
}

/** What a client may name as its encoding, as PostgreSQL compares them: letters and digits. SQL_ASCII means "no matter". */
const ENCODINGS_ALLOWED: ReadonlySet<string> = new Set(['utf8', 'unicode', 'sqlascii'])

const SETTINGS_MAX = 64
const NAME_BYTES_MAX = 63
const VALUE_BYTES_MAX = 1024
/** Longer names are cut by the server, and then they would name another database than the one that was checked. */
const DATABASE_BYTES_MAX = 63

/** What a StartupMessage asks for, when all of it may be had. */
export interface ClientSettings {
  readonly database: string | undefined
  /** In canonical lower case, so that none is there twice. */
  readonly settings: Readonly<Record<string, string>>
}

/** Why a client cannot start, in PostgreSQL's terms. */
export interface SettingsRefusal {
  readonly kind: 'refused'
  /** SQLSTATE. */
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
}

type Setting = readonly [name: string, value: string]

/**
 * Checks the parameters of a StartupMessage, without the `_pq_.` ones. What is not known to be harmless is refused:
 * `replication` speaks another protocol, `role` is another person, libraries are code.
 */
export function readClientSettings(
  parameters: readonly Setting[],
): ({ readonly kind: 'settings' } & ClientSettings) | SettingsRefusal {
  if (parameters.length > SETTINGS_MAX)
    return refuse('54000', `more than ${SETTINGS_MAX} parameters at the start`)
  const options = parameters.filter(([name]) => name === 'options').flatMap(([, value]) => readOptions(value))
  const unread = options.find(option => typeof option === 'string')
  if (unread !== undefined)
    return refuseParameter(unread, 'only "-c name=value" and "--name=value" are taken in "options"')
  // The order of PostgreSQL: what is in "options" first, so that a parameter of the same name wins.
  const named = [...options.filter(option => typeof option !== 'string'), ...parameters.filter(isSetting)]
  if (named.length > SETTINGS_MAX) return refuse('54000', `more than ${SETTINGS_MAX} settings at the start`)
  const settings = new Map<string, string>()
  for (const [name, value] of named) {
    const refusal = checkSetting(name, value)
    if (refusal !== undefined) return refusal
    settings.set(name.toLowerCase(), value)
  }
  const database = parameters.findLast(([name]) => name === 'database')?.[1]
  if (database !== undefined && Buffer.byteLength(database) > DATABASE_BYTES_MAX) {
    return refuse('42622', `the name of the database is longer than ${DATABASE_BYTES_MAX} bytes`)
  }
  return {
    kind: 'settings',
    database: database === '' ? undefined : database,
    settings: { ...Object.fromEntries(settings), ...SETTINGS_PINNED },
  }
}

function isSetting([name]: Setting): boolean {
  return name !== 'user' && name !== 'database' && name !== 'options'
}

function checkSetting(name: string, value: string): SettingsRefusal | undefined {
  const canonical = name.toLowerCase()
  if (canonical === 'replication')
    return refuseParameter(name, 'replication is not served; connect without it')
  if (!SETTINGS_ALLOWED.has(canonical)) return refuseParameter(name, 'connect without it')
  if (Buffer.byteLength(value) > VALUE_BYTES_MAX) {
    return refuse('54000', `the parameter "${name}" is longer than ${VALUE_BYTES_MAX} bytes`)
  }
  const encoding = value.replace(/[^0-9a-z]/gi, '').toLowerCase()
  if (canonical === 'client_encoding' && !ENCODINGS_ALLOWED.has(encoding)) {
    return refuse(
      '42501',
      `the client encoding "${shorten(value)}" is not allowed by hoop`,
      'set PGCLIENTENCODING=UTF8',
    )
  }
  return undefined
}

/** Reads `options` as the server does (`pg_split_opts`): words at blanks, a backslash takes the next character as it is. */
function readOptions(text: string): (Setting | string)[] {
  const words = splitWords(text)
  const found: (Setting | string)[] = []
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (word === '-c') {
      at += 1
      found.push(readAssignment(words[at] ?? '') ?? word)
    } else if (word.startsWith('-c') || word.startsWith('--'))
      found.push(readAssignment(word.slice(2)) ?? word)
    else found.push(word)
  }
  return found
}

function splitWords(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at)
    if (/[ \t\n\v\f\r]/.test(letter)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else if (letter === '\\') {
      at += 1
      word = (word ?? '') + text.charAt(at)
    } else word = (word ?? '') + letter
  }
  return word === undefined ? words : [...words, word]
}

/** `name=value`; in the name a dash stands for an underscore (`ParseLongOption`). */
function readAssignment(text: string): Setting | undefined {
  const cut = text.indexOf('=')
  return cut < 1 ? undefined : [text.slice(0, cut).replaceAll('-', '_'), text.slice(cut + 1)]
}

function refuseParameter(name: string, hint: string): SettingsRefusal {
  return refuse('42501', `the parameter "${shorten(name)}" is not allowed by hoop`, hint)
}

function refuse(code: string, message: string, hint?: string): SettingsRefusal {
  return { kind: 'refused', code, message, hint }
}

function shorten(text: string): string {
  const plain = text.replace(/\p{C}/gu, '?')
  return plain.length > NAME_BYTES_MAX ? `${plain.slice(0, NAME_BYTES_MAX)}…` : plain
}
