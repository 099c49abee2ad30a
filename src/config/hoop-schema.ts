import { z } from 'zod'
import { DETECTORS, MASKING_MODES } from '../domain/masking-rule.js'
import { WEEKDAYS } from '../policy/time-window.js'
import {
  agentName,
  columnGlob,
  connectionName,
  count,
  duration,
  issuerUrl,
  listenAddress,
  nameGlob,
  plainText,
  roleName,
  ruleName,
  secret,
  siteUrl,
  size,
  strategy,
  targetAddress,
  timeOfDay,
  timeZone,
} from './scalars.js'

/** Entries of any list in the file. */
const ENTRIES_MAX = 10_000

function listOf<Item extends z.ZodType>(item: Item) {
  return z
    .array(item, { error: 'expected a list' })
    .max(ENTRIES_MAX, { error: `expected at most ${ENTRIES_MAX} entries` })
}

function someOf<Item extends z.ZodType>(item: Item) {
  return listOf(item).min(1, { error: 'expected a list of at least one entry' })
}

function map<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: issue => (issue.code === 'invalid_type' ? 'expected keys with values' : undefined),
  })
}

const flag = z.boolean({ error: 'expected true or false' })

/** Groups that a session's own account is a member of. */
const GROUPS_MAX = 32

const ephemeral = map({
  admin_user: plainText.meta({ description: 'The account at the target that makes and drops roles' }),
  admin_password: secret,
  member_of: someOf(plainText)
    .max(GROUPS_MAX, { error: `expected at most ${GROUPS_MAX} entries` })
    .meta({ description: 'Roles at the target that hold the privileges' }),
})

const role = map({
  name: roleName,
  user: plainText.optional().meta({ description: 'The account at the target' }),
  password: secret.optional(),
  ephemeral: ephemeral
    .optional()
    .meta({ description: 'In the place of user and password: an account made for each session' }),
})

const tls = map({
  mode: z.enum(['disable', 'require', 'verify-full'], { error: 'expected disable, require or verify-full' }),
  ca_file: plainText.optional(),
  server_name: plainText.optional(),
  negotiation: z
    .enum(['postgres', 'direct'], { error: 'expected postgres or direct' })
    .optional()
    .meta({ description: 'Ask for TLS as PostgreSQL does, or begin with the handshake (PostgreSQL 17)' }),
})

const results = map({
  rows_max: z.int().min(0).max(1_000_000).default(100),
  bytes_max: size.default(64 * 1024),
})

const limits = map({
  client_connections_max: count.max(10_000).default(64),
  statement_bytes_max: size.default(1024 * 1024),
  idle_timeout: duration.default(3_600_000),
})

const maskingMode = z
  .enum(MASKING_MODES, { error: 'expected net, lineage or strict' })
  .meta({ description: 'How far masking goes, see docs/masking.md' })

const connection = map({
  name: connectionName,
  description: plainText.optional(),
  type: z.enum(['postgres'], { error: 'expected postgres' }),
  address: targetAddress,
  agent: agentName.optional(),
  tls: tls.default({ mode: 'verify-full' }),
  database: plainText.meta({ description: 'The database a client gets when it names none' }),
  databases: someOf(nameGlob).optional().meta({ description: 'Globs of the databases a client may name' }),
  roles: someOf(role),
  masking: maskingMode.optional(),
  results: results.prefault({}),
  limits: limits.prefault({}),
})

/** People whose yes one question can ask for. */
const APPROVERS_MAX = 10
/** Windows of one rule: each is looked at for every request. */
const WINDOWS_MAX = 20

const approval = map({
  name: ruleName,
  groups: listOf(plainText).default([]).meta({ description: 'Whose members may answer' }),
  manager: flag.default(false).meta({ description: "The requester's manager may answer too" }),
  count: count.max(APPROVERS_MAX, { error: `expected at most ${APPROVERS_MAX}` }).default(1),
  wait: duration.default(900_000),
  wait_in_transaction: duration.optional(),
  valid: duration.default(300_000),
  reason_required: flag.default(false),
})

const timeWindow = map({
  days: someOf(z.enum(WEEKDAYS, { error: `expected one of ${WEEKDAYS.join(', ')}` })).default([...WEEKDAYS]),
  from: timeOfDay,
  to: timeOfDay,
  zone: timeZone,
})

const access = map({
  name: ruleName,
  groups: someOf(plainText),
  connections: someOf(nameGlob),
  roles: someOf(nameGlob),
  for: duration,
  reason_required: flag.default(false),
  approval: ruleName.optional().meta({ description: 'The approval that a grant needs' }),
  during: someOf(timeWindow)
    .max(WINDOWS_MAX, { error: `expected at most ${WINDOWS_MAX} entries` })
    .optional()
    .meta({ description: 'When it gives grants; none lasts beyond' }),
  break_glass: flag
    .default(false)
    .meta({ description: 'Only for who asks to break the glass: given at once, looked at afterwards' }),
})

const statement = map({
  name: ruleName,
  connections: someOf(nameGlob).default(['*']),
  when: plainText.meta({ description: 'A CEL expression, see docs/policy.md' }),
  // biome-ignore lint/suspicious/noThenProperty: a key of the file; the value is a text, nothing awaits it.
  then: z.enum(['deny', 'review', 'allow'], { error: 'expected deny, review or allow' }),
  approval: ruleName.optional().meta({ description: 'With review: the approval that it needs' }),
  message: plainText.optional(),
  hint: plainText.optional(),
})

const maskingRule = map({
  name: ruleName,
  columns: someOf(columnGlob).optional(),
  detectors: someOf(z.enum(DETECTORS, { error: `expected one of ${DETECTORS.join(', ')}` })).optional(),
  strategy,
  strong: flag.default(false).meta({
    description: 'Ephemeral roles must have no privilege to read the columns, or no session starts',
  }),
  connections: someOf(nameGlob).default(['*']),
  except_groups: listOf(plainText).default([]),
})

const identity = map({
  issuer: issuerUrl,
  client_id: plainText,
  scopes: someOf(plainText).default(['openid', 'profile', 'email', 'groups', 'offline_access']),
  claims: map({
    name: plainText.default('email'),
    groups: plainText.default('groups'),
    person: plainText.optional().meta({ description: 'The same for every account of one person' }),
    manager: plainText.optional().meta({ description: "The subject or name of the person's manager" }),
  }).prefault({}),
  ca_file: plainText.optional(),
})

const httpReceiver = map({
  url: secret.meta({ description: 'The address that is posted to, https. It is treated as a secret' }),
})

const notify = map({
  name: ruleName,
  approvals: someOf(nameGlob).default(['*']).meta({ description: 'Whose questions are told here' }),
  statements: flag.default(true).meta({ description: 'The statement goes along' }),
  webhook: map({ ...httpReceiver.shape, secret })
    .optional()
    .meta({ description: 'JSON, signed as Standard Webhooks says' }),
  slack: httpReceiver.optional().meta({ description: 'An incoming webhook of Slack' }),
  email: map({
    server: targetAddress,
    tls: z
      .enum(['implicit', 'starttls', 'none'], { error: 'expected implicit, starttls or none' })
      .default('starttls'),
    user: plainText.optional(),
    password: secret.optional(),
    from: plainText,
    to: someOf(plainText),
  }).optional(),
})

/** The shape of `hoop.yaml`. What only the whole file shows is checked in `check-config.ts`. */
export const hoopSchema = map({
  listen: map({
    address: listenAddress,
    tls: map({ cert_file: plainText, key_file: plainText }),
  }),
  public_url: siteUrl,
  data_directory: plainText,
  store: map({ sqlite: plainText.optional(), postgres_url: secret.optional() }).optional(),
  recordings: map({ directory: plainText }).optional(),
  identity,
  token_lifetime: duration.default(300_000),
  agents: listOf(map({ name: agentName, enrollment_token: secret })).default([]),
  connections: listOf(connection).default([]),
  approvals: listOf(approval).default([]),
  access: listOf(access).default([]),
  statements: listOf(statement).default([]),
  defaults_off: listOf(ruleName).default([]),
  statement_default: z.enum(['allow', 'deny'], { error: 'expected allow or deny' }).default('allow'),
  masking: map({
    mode: maskingMode.default('lineage'),
    hash_key: secret.optional(),
    rules: listOf(maskingRule).default([]),
  }).prefault({}),
  auditors: listOf(plainText).default([]),
  notify: listOf(notify).default([]),
})

/** A file of the right shape, defaults filled in, scalars read. */
export type HoopShape = z.output<typeof hoopSchema>
