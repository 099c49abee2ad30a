import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { renderProblem } from '../../src/config/problem.js'
import { readAgentConfig, readConfig } from '../../src/config/read-config.js'
import { DEFAULT_RULES } from '../../src/policy/default-rules.js'
import { SMALL, SMALLEST, yamlBlocks } from './example.js'

const OPTIONS = { file: 'hoop.yaml', directory: '/etc/hoop' }

function problemsOf(text: string): readonly string[] {
  const read = readConfig(text, OPTIONS)
  return (read.ok ? read.warnings : read.problems).map(renderProblem)
}

/** Checks what is said about the small file after one change: each problem as `line:column: message`. */
function check(title: string, [from, to]: readonly [string, string], ...problems: readonly string[]): void {
  test(title, () => {
    expect(SMALL).toContain(from)
    expect(problemsOf(SMALL.replace(from, to))).toEqual(problems.map(problem => `hoop.yaml:${problem}`))
  })
}

test('the small file is a configuration without a word', () => {
  expect(problemsOf(SMALL)).toEqual([])
  expect(problemsOf(SMALLEST)).toEqual([])
})

// Shape
check(
  'an unknown key is refused with the key that was meant',
  ['    agent: eu', '    agents: eu'],
  '13:5: "agents" is not known here: did you mean "agent"',
)
check(
  'an unknown key that resembles nothing lists what there is',
  ['key_file: key.pem }', 'key_file: key.pem, ciphers: old }'],
  '3:50: "ciphers" is not known here: expected one of cert_file, key_file',
)
check(
  'a key that is missing is named at the place it belongs',
  ['    address: db:5432\n', ''],
  '10:5: "connections[0].address" is missing: expected an address host:port',
)
check(
  'a value of another kind is refused',
  ['    database: shop', '    database: 12'],
  '14:15: "connections[0].database" cannot be read: expected a text',
)
check(
  'a list that is none is refused',
  ['groups: [eng]', 'groups: eng'],
  '18:32: "access[0].groups" cannot be read: expected a list',
)
check(
  'an empty list is refused where it makes no sense',
  ['groups: [eng]', 'groups: []'],
  '18:32: "access[0].groups" cannot be read: expected a list of at least one entry',
)
check(
  'a map that is none is refused',
  ['identity: { issuer: https://login.example.com, client_id: hoop }', 'identity: https://login.example.com'],
  '6:11: "identity" cannot be read: expected keys with values',
)
check(
  'a duration without a unit is refused',
  ['for: 8h', 'for: 8'],
  '18:84: "access[0].for" cannot be read: expected a duration such as 30s, 15m, 8h or 7d',
)
check(
  'a duration of nothing is refused',
  ['for: 8h', 'for: 0h'],
  '18:84: "access[0].for" cannot be read: expected a duration such as 30s, 15m, 8h or 7d',
)
check(
  'a duration beyond all measure is refused',
  ['for: 8h', 'for: 99999d'],
  '18:84: "access[0].for" cannot be read: expected a duration such as 30s, 15m, 8h or 7d',
)
check(
  'an address without a port is refused',
  ['address: db:5432', 'address: db'],
  '12:14: "connections[0].address" cannot be read: expected an address host:port',
)
check(
  'a target on port 0 is refused',
  ['address: db:5432', 'address: db:0'],
  '12:14: "connections[0].address" cannot be read: expected an address host:port',
)
check(
  'a port beyond the last is refused',
  ['address: db:5432', 'address: db:65536'],
  '12:14: "connections[0].address" cannot be read: expected an address host:port',
)
check(
  'a public address with a path is refused',
  ['public_url: https://hoop.example.com', 'public_url: https://hoop.example.com/x'],
  '4:13: "public_url" cannot be read: expected an address such as https://gateway.example.com, without a path',
)
check(
  'an issuer over plain HTTP is refused',
  ['issuer: https://login', 'issuer: http://login'],
  '6:21: "identity.issuer" cannot be read: expected the provider\'s issuer, an https:// address (http:// only for this machine)',
)
check(
  'a name of another form is refused',
  ['name: prod-db', 'name: Prod_DB'],
  '10:11: "connections[0].name" cannot be read: expected a lower-case letter, then up to 62 lower-case letters, digits or dashes',
)
check(
  'a type that is not known is refused',
  ['type: postgres', 'type: oracle'],
  '11:11: "connections[0].type" cannot be read: expected postgres',
)
check(
  'a strategy that is not known is refused',
  ['strategy: redact', 'strategy: keep-last 0'],
  '23:65: "masking.rules[0].strategy" cannot be read: expected redact, keep-last N, hash or null in quotes',
)
check(
  'a column that is not fully named is refused',
  ['public.payments.card', 'payments.card'],
  '23:32: "masking.rules[0].columns[0]" cannot be read: expected schema.table.column, in which * stands for any characters but the dot',
)
check(
  'control characters are refused: they would be structure in a protocol',
  ['user: r,', 'user: "r\\0x",'],
  '16:31: "connections[0].roles[0].user" cannot be read: expected a text without control characters',
)

// Credentials of roles
const EPHEMERAL = 'ephemeral: { admin_user: maker, admin_password: env:MAKER, member_of: [readers] }'
const STATIC = 'user: r, password: env:READER'
check(
  'a role without an account is refused',
  [', user: r, password: env:READER }', ' }'],
  '16:9: "connections[0].roles[0].user" is missing: expected user and password, or ephemeral',
  '16:9: "connections[0].roles[0].password" is missing: expected user and password, or ephemeral',
)
check(
  'an account without its password is refused',
  [', password: env:READER }', ' }'],
  '16:9: "connections[0].roles[0].password" is missing: expected user and password, or ephemeral',
)
check('a role may be made for each session', [STATIC, EPHEMERAL])
check(
  'an account beside one that is made is refused',
  [STATIC, `user: r, ${EPHEMERAL}`],
  '16:25: "user" has no effect beside ephemeral: expected one of the two',
)
check(
  'a role that is made is a member of some group',
  [STATIC, EPHEMERAL.replace('[readers]', '[]')],
  '16:95: "connections[0].roles[0].ephemeral.member_of" cannot be read: expected a list of at least one entry',
)
check(
  'the password of the account that makes roles is a reference',
  [STATIC, EPHEMERAL.replace('env:MAKER', 'hunter2')],
  '16:73: "connections[0].roles[0].ephemeral.admin_password" cannot be read: expected a reference to a secret: env:NAME, file:PATH or, where it must be, literal:VALUE',
)

test('the groups of a role that is made are kept in their order, each once', () => {
  const text = SMALL.replace(STATIC, EPHEMERAL.replace('[readers]', '[b, a, b]'))
  const read = readConfig(text, OPTIONS)
  expect(read.ok && read.config.connections[0]?.roles[0]?.credential).toEqual({
    kind: 'ephemeral-role',
    adminUser: 'maker',
    adminPassword: { kind: 'env', name: 'MAKER' },
    memberOf: ['b', 'a'],
  })
})

// References
check(
  'an agent that is not defined is refused with the one that was meant',
  ['    agent: eu', '    agent: eu2'],
  '13:12: agent "eu2" is not known: did you mean "eu"',
)
check(
  'a name that is taken is refused at its second place',
  [
    'access:\n',
    'access:\n  - { name: engineers, groups: [eng], connections: [prod-*], roles: [reader], for: 8h }\n',
  ],
  '19:13: name "engineers" is taken by an entry above',
)
check(
  'the name of a shipped rule is taken',
  ['name: house-rule', 'name: no-drop'],
  '20:13: name "no-drop" is taken by a rule that is shipped',
)
check(
  "the name of masking's own refusal is taken",
  ['name: house-rule', 'name: masked-data-stays'],
  '20:13: name "masked-data-stays" is taken by a rule that is shipped',
)
check(
  'the name under which strict mode refuses is taken',
  ['name: cards', 'name: strict-masking'],
  '23:15: name "strict-masking" is taken by a rule that is shipped',
)
check(
  'a mode of masking that is not known is refused',
  ['masking:\n', 'masking:\n  mode: strickt\n'],
  '22:9: "masking.mode" cannot be read: expected net, lineage or strict',
)
check(
  'a rule about columns that reaches a connection in the mode net is a warning',
  ['    database: shop\n', '    database: shop\n    masking: net\n'],
  '24:7: warning: rule "cards" does nothing on connection "prod-db": columns are not masked in mode net',
)
check(
  'the same where the mode is that of all connections',
  ['masking:\n', 'masking:\n  mode: net\n'],
  '24:7: warning: rule "cards" does nothing on connection "prod-db": columns are not masked in mode net',
)
check('a rule that reaches no connection in the mode net is fine', [
  '    - { name: cards, columns: [public.payments.card], strategy: redact }',
  '    - { name: cards, columns: [public.payments.card], strategy: redact }\n  mode: lineage',
])

check(
  'what an account that is there already may read is not checked, which is a warning',
  ['strategy: redact', 'strategy: redact, strong: true'],
  '23:73: warning: rule "cards" is not checked for role "reader" of connection "prod-db": strong needs an ephemeral role',
)
check(
  'strong is about columns',
  ['columns: [public.payments.card], strategy: redact', 'detectors: [email], strategy: redact, strong: true'],
  '23:60: rule "cards" cannot be used: strong is about columns, and detectors look at values',
)

test('a connection masks in its own mode, else in that of all', () => {
  const modeOf = (text: string) => {
    const read = readConfig(text, OPTIONS)
    return read.ok ? read.config.connections[0]?.masking : read.problems
  }
  const strict = SMALL.replace('masking:\n', 'masking:\n  mode: strict\n')
  expect(modeOf(SMALL)).toBe('lineage')
  expect(modeOf(strict)).toBe('strict')
  expect(modeOf(strict.replace('    database: shop\n', '    database: shop\n    masking: lineage\n'))).toBe(
    'lineage',
  )
})

check(
  'statement and masking rules share their names',
  ['name: cards', 'name: house-rule'],
  '23:15: name "house-rule" is taken by a statement rule',
)
check(
  'a shipped rule that does not exist cannot be turned off',
  ['masking:\n', 'defaults_off: [no-drops]\nmasking:\n'],
  '21:16: rule "no-drops" cannot be turned off: did you mean "no-drop"',
)
check(
  'a shipped rule that others stand on cannot be turned off',
  ['masking:\n', 'defaults_off: [not-understood]\nmasking:\n'],
  '21:16: rule "not-understood" cannot be turned off: other promises stand on it',
)
check(
  'hashing needs a key',
  ['strategy: redact', 'strategy: hash'],
  '23:65: rule "cards" cannot be used: strategy hash needs "masking.hash_key"',
)
check(
  'a masking rule is about columns or about detectors',
  ['columns: [public.payments.card]', 'detectors: [email], columns: [public.payments.card]'],
  '23:7: rule "cards" cannot be used: expected either columns or detectors',
)
check(
  'a store is one or the other',
  ['data_directory: data', 'data_directory: data\nstore: { sqlite: a, postgres_url: env:B }'],
  '6:8: "store" cannot be read: expected either sqlite or postgres_url',
)
check(
  'a token cannot live longer than an hour',
  ['data_directory: data', 'data_directory: data\ntoken_lifetime: 2h'],
  '6:17: "token_lifetime" cannot be used: expected at most 1h',
)
check(
  'without the scope openid there is no identity',
  ['client_id: hoop', 'client_id: hoop, scopes: [email]'],
  '6:73: "identity.scopes" cannot be used: expected openid among them',
)
check(
  'an authority that would not be looked at is refused',
  ['    database: shop', '    tls: { mode: require, ca_file: ca.pem }\n    database: shop'],
  '14:27: "ca_file" has no effect with mode require: expected mode verify-full',
)
check(
  'a way to begin TLS where there is none is refused',
  ['    database: shop', '    tls: { mode: disable, negotiation: direct }\n    database: shop'],
  '14:27: "negotiation" has no effect with mode disable: expected mode require or verify-full',
)
check(
  'a glob that matches nothing is a warning',
  ['connections: [prod-*]', 'connections: [prd-db]'],
  '18:53: warning: "prd-db" matches no connection: did you mean "prod-db"',
)
check(
  'a role that no connection has is a warning',
  ['roles: [reader]', 'roles: [raeder]'],
  '18:70: warning: "raeder" matches no role: did you mean "reader"',
)

// Channels
const channel = (text: string): readonly [string, string] => [
  'masking:\n',
  `notify:\n  - ${text}\nmasking:\n`,
]
check(
  'a channel is one thing',
  channel('{ name: chat, slack: { url: env:A }, email: { server: "m:25", from: a@b.c, to: [d@e.f] } }'),
  '22:5: "notify[0]" cannot be read: expected one of webhook, slack or email',
)
check(
  'a channel is something',
  channel('{ name: chat }'),
  '22:5: "notify[0]" cannot be read: expected one of webhook, slack or email',
)
check(
  'the address of a channel is a secret',
  channel('{ name: chat, slack: { url: "https://hooks.example.com/x" } }'),
  '22:33: "notify[0].slack.url" cannot be read: expected a reference to a secret: env:NAME, file:PATH or, where it must be, literal:VALUE',
)
check(
  'an address that is two, or brings a name along, is refused',
  channel(`{ name: mail, email: { server: "m:25", from: 'a@b.c, d@e.f', to: ['x <d@e.f>', d@e.f] } }`),
  '22:50: "from" cannot be used: expected one e-mail address',
  '22:71: "to" cannot be used: expected e-mail addresses',
)
check(
  'a password does not travel in the clear',
  channel(
    '{ name: mail, email: { server: "m:25", tls: none, user: u, password: env:P, from: a@b.c, to: [d@e.f] } }',
  ),
  '22:44: "tls" cannot be none with a password: expected starttls',
)
check(
  'a user without a password is refused',
  channel('{ name: mail, email: { server: "m:25", user: u, from: a@b.c, to: [d@e.f] } }'),
  '22:26: "email" cannot be used: expected user and password, or neither',
)

// Conditions
check(
  'a condition is wrong at its own column',
  ['role == "reader"', 'role == 3'],
  '20:31: rule "house-rule" cannot be used: no such overload: string == int',
)
check(
  'a condition in quotes is wrong at its own column',
  ['role == "reader"', `'"a" in principal.grups'`],
  '20:49: rule "house-rule" cannot be used: No such key: grups',
)
check(
  'a condition over lines is wrong at its own line',
  [
    '  - { name: house-rule, when: role == "reader", then: deny }',
    '  - name: house-rule\n    then: deny\n    when: |\n      role == "reader"\n        && rule == "x"',
  ],
  '24:12: rule "house-rule" cannot be used: Unknown variable: rule',
)
check(
  'a folded condition says which line of it is wrong',
  [
    '  - { name: house-rule, when: role == "reader", then: deny }',
    '  - name: house-rule\n    then: deny\n    when: >\n      role == "reader"\n      && rule == "x"',
  ],
  '22:11: rule "house-rule" cannot be used: Unknown variable: rule (line 1 of it)',
)

// YAML
check(
  'a key that is there twice is refused',
  ['data_directory: data', 'data_directory: data\ndata_directory: more'],
  '6:1: the file is not YAML: the key is there twice',
)
check(
  'a bracket that is missing is told',
  ['groups: [eng]', 'groups: [eng'],
  '18:86: the file is not YAML: the indentation does not fit; a bracket or quote above may not be closed',
  '18:87: the file is not YAML: the indentation does not fit; a bracket or quote above may not be closed',
)
check(
  'two documents are refused',
  ['access:\n', '---\naccess:\n'],
  '17:1: the file is not YAML: the file holds more than one document',
)

test('several problems are told at once, in the order of the file', () => {
  const text = SMALL.replace('for: 8h', 'for: 8')
    .replace('type: postgres', 'type: oracle')
    .replace('agent: eu', 'agents: eu')
  expect(problemsOf(text)).toHaveLength(3)
  expect(problemsOf(text).map(problem => Number(problem.split(':')[1]))).toEqual([11, 13, 18])
})

test('problems that only the whole file shows are told at once as well', () => {
  const text = SMALL.replace('agent: eu', 'agent: us')
    .replace('role == "reader"', 'x')
    .replace('strategy: redact', 'strategy: hash')
  expect(problemsOf(text).map(problem => Number(problem.split(':')[1]))).toEqual([13, 20, 23])
})

for (const secret of [
  'hunter2',
  'Env:HUNTER2',
  'env:hunter 2',
  'env:',
  'file:',
  'literal:',
  '"*hunter2"',
  '!hunter2 x',
  '*hunter2',
  '&hunter2',
  '{hunter2: x}',
  '"hunter2\\q"',
  '@hunter2',
  'hunter2: x',
  '%hunter2',
  '`hunter2`',
]) {
  test(`a password written as ${secret} is refused without being repeated`, () => {
    const text = SMALL.replace('password: env:READER }', `password: ${secret} }`)
    const read = readConfig(text, OPTIONS)
    expect(read.ok).toBe(false)
    expect(problemsOf(text).join('\n')).not.toMatch(/hunter/i)
  })
}

test('a text that is no configuration is refused in one sentence', () => {
  expect(problemsOf('')).toEqual(['hoop.yaml:1:1: the file is no configuration: expected keys with values'])
  expect(problemsOf('[]')).toEqual(['hoop.yaml:1:1: the file is no configuration: expected keys with values'])
})

test('an alias bomb is refused', () => {
  const rows = Array.from(
    { length: 12 },
    (_, n) =>
      `a${n}: &a${n} [${Array.from({ length: 10 }, () => (n === 0 ? 'x' : `*a${n - 1}`)).join(', ')}]`,
  )
  expect(problemsOf(rows.join('\n'))).toEqual([
    'hoop.yaml:1:1: the file is nested too deeply or uses too many aliases',
  ])
})

test('a text of any depth is refused and not fallen over', () => {
  expect(problemsOf('['.repeat(100_000))).not.toEqual([])
  expect(problemsOf(`x: ${'{a: '.repeat(20_000)}`)).not.toEqual([])
})

test('anchors may be used for what is said twice', () => {
  const text = SMALL.replace('groups: [eng]', 'groups: &eng [eng]').replace(
    'data_directory: data',
    'data_directory: data',
  )
  const read = readConfig(`${text}auditors: *eng\n`, OPTIONS)
  expect(read.ok && read.config.auditors).toEqual(['eng'])
})

test('noise is refused and never thrown', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 200 }),
      text => readConfig(text, OPTIONS).ok === false,
    ),
  )
  fc.assert(
    fc.property(fc.nat(SMALL.length), fc.string({ maxLength: 3 }), (at, noise) => {
      readConfig(SMALL.slice(0, at) + noise + SMALL.slice(at + noise.length), OPTIONS)
    }),
  )
})

test('what is left out has its default', () => {
  const read = readConfig(SMALL, OPTIONS)
  if (!read.ok) throw new Error('refused')
  const { config } = read
  expect(config).toMatchObject({
    store: { kind: 'sqlite', file: '/etc/hoop/data/hoop.db' },
    recordings: { directory: '/etc/hoop/data/recordings' },
    tokenLifetimeMs: 300_000,
    statementDefault: 'allow',
    defaultRulesOff: [],
    auditors: [],
  })
  expect(config.identity).toEqual({
    issuer: 'https://login.example.com',
    clientId: 'hoop',
    scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
    claims: { name: 'email', groups: 'groups' },
    caFile: undefined,
  })
  expect(config.connections[0]).toMatchObject({
    tls: { mode: 'verify-full' },
    databases: ['shop'],
    results: { rowsMax: 100, bytesMax: 65_536 },
    limits: { clientConnectionsMax: 64, statementBytesMax: 1_048_576, idleTimeoutMs: 3_600_000 },
  })
})

test('a database that clients get is one they may name', () => {
  const read = readConfig(SMALL.replace('database: shop', 'database: shop\n    databases: [crm_*]'), OPTIONS)
  expect(read.ok && read.config.connections[0]?.databases).toEqual(['shop', 'crm_*'])
})

test.each([
  ['{ mode: require }', { mode: 'require' }],
  ['{ mode: require, negotiation: postgres }', { mode: 'require' }],
  ['{ mode: require, negotiation: direct }', { mode: 'require', negotiation: 'direct' }],
  ['{ mode: verify-full, negotiation: direct }', { mode: 'verify-full', negotiation: 'direct' }],
])('TLS begins as it is told to: %s', (tls, expected) => {
  const read = readConfig(SMALL.replace('    database: shop', `    tls: ${tls}\n    database: shop`), OPTIONS)
  expect(read.ok && read.config.connections[0]?.tls).toEqual(expected)
})

test('IPv6 addresses go in brackets', () => {
  const read = readConfig(SMALL.replace('127.0.0.1:8443', '"[::1]:0"'), OPTIONS)
  expect(read.ok && read.config.listen).toMatchObject({ host: '::1', port: 0 })
})

test('the complete example of the documentation is a configuration without a word', () => {
  const example = yamlBlocks('configuration.md').find(block => block.includes('listen:')) ?? ''
  expect(problemsOf(example)).toEqual([])
})

test('the agent of the documentation is a configuration', () => {
  const example = yamlBlocks('configuration.md').find(block => block.includes('agent.yaml')) ?? ''
  const read = readAgentConfig(example, { file: 'agent.yaml', directory: '/etc/hoop' })
  expect(read.ok && read.config).toMatchObject({
    name: 'eu-west-1',
    gateway: 'https://hoop.example.com',
    caFile: '/etc/hoop/tls/company-ca.pem',
    allow: [
      { host: 'db.internal', port: 5432 },
      { host: '*.replicas.internal', port: 5432 },
    ],
  })
})

test('every rule in the documentation of policy compiles', () => {
  const approvals = 'approvals: [{ name: a-dba, groups: [dba] }]'
  for (const block of yamlBlocks('policy.md'))
    expect(problemsOf(`${SMALLEST}connections:${connectionOf()}\n${approvals}\n${block}`)).toEqual([])
})

test('the documentation of policy says what each shipped rule refuses', () => {
  const page = readPage()
  for (const rule of DEFAULT_RULES) {
    const end = rule.canBeOff ? '' : '; cannot be turned off'
    expect(page).toContain(`| \`${rule.name}\` | ${rule.summary}${end} |`)
  }
})

function connectionOf(): string {
  return SMALL.split('connections:')[1]?.split('access:')[0]?.replace('    agent: eu\n', '') ?? ''
}

function readPage(): string {
  return readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')
}
