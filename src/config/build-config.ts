import { join, resolve } from 'node:path'
import type { Connection, RoleCredential, SecretReference, TargetTls } from '../domain/connection.js'
import type { MaskingMode, MaskingRule } from '../domain/masking-rule.js'
import { buildAccessRule, buildApproval, buildStatementRule } from './build-approvals.js'
import { buildChannel } from './build-channel.js'
import type { Config, ScopedMaskingRule } from './config.js'
import type { HoopShape } from './hoop-schema.js'

/** Makes the configuration of a file whose shape and references were checked. Paths become absolute. */
export function buildConfig(
  shape: HoopShape,
  { digest, directory }: { readonly digest: string; readonly directory: string },
): Config {
  const absolute = (path: string): string => resolve(directory, path)
  const dataDirectory = absolute(shape.data_directory)
  const { listen, identity, masking } = shape
  const approvals = shape.approvals.map(buildApproval)
  return {
    digest,
    listen: {
      host: listen.address.host,
      port: listen.address.port,
      certFile: absolute(listen.tls.cert_file),
      keyFile: absolute(listen.tls.key_file),
    },
    publicUrl: shape.public_url,
    dataDirectory,
    store: buildStore(shape, { absolute, dataDirectory }),
    recordings: { directory: absolute(shape.recordings?.directory ?? join(dataDirectory, 'recordings')) },
    identity: {
      issuer: identity.issuer,
      clientId: identity.client_id,
      scopes: identity.scopes,
      claims: identity.claims,
      caFile: identity.ca_file === undefined ? undefined : absolute(identity.ca_file),
    },
    tokenLifetimeMs: shape.token_lifetime,
    agents: shape.agents.map(agent => ({
      name: agent.name,
      enrollmentToken: locate(agent.enrollment_token, absolute),
    })),
    connections: shape.connections.map(connection =>
      buildConnection(connection, { absolute, mode: masking.mode }),
    ),
    approvals,
    access: shape.access.map(rule => buildAccessRule(rule, approvals)),
    statements: shape.statements.map(rule => buildStatementRule(rule, approvals)),
    defaultRulesOff: shape.defaults_off,
    statementDefault: shape.statement_default,
    masking: {
      hashKey: masking.hash_key === undefined ? undefined : locate(masking.hash_key, absolute),
      rules: masking.rules.map(buildMaskingRule),
    },
    auditors: shape.auditors,
    notify: shape.notify.map(channel => buildChannel(channel, reference => locate(reference, absolute))),
  }
}

type Absolute = (path: string) => string

/** A secret in a file is found from where the configuration is, not from where the gateway was started. */
export function locate(reference: SecretReference, absolute: Absolute): SecretReference {
  return reference.kind === 'file' ? { kind: 'file', path: absolute(reference.path) } : reference
}

function buildStore(
  { store }: HoopShape,
  { absolute, dataDirectory }: { readonly absolute: Absolute; readonly dataDirectory: string },
): Config['store'] {
  if (store?.postgres_url !== undefined)
    return { kind: 'postgres', url: locate(store.postgres_url, absolute) }
  return { kind: 'sqlite', file: absolute(store?.sqlite ?? join(dataDirectory, 'hoop.db')) }
}

function buildConnection(
  shape: HoopShape['connections'][number],
  { absolute, mode }: { readonly absolute: Absolute; readonly mode: MaskingMode },
): Connection {
  const { database, databases = [] } = shape
  return {
    name: shape.name,
    description: shape.description,
    protocol: shape.type,
    host: shape.address.host,
    port: shape.address.port,
    agent: shape.agent,
    tls: buildTls(shape.tls, absolute),
    database,
    databases: databases.includes(database) ? databases : [database, ...databases],
    roles: shape.roles.map(role => ({ name: role.name, credential: buildCredential(role, absolute) })),
    masking: shape.masking ?? mode,
    results: { rowsMax: shape.results.rows_max, bytesMax: shape.results.bytes_max },
    limits: {
      clientConnectionsMax: shape.limits.client_connections_max,
      statementBytesMax: shape.limits.statement_bytes_max,
      idleTimeoutMs: shape.limits.idle_timeout,
    },
  }
}

function buildCredential(
  { user, password, ephemeral }: HoopShape['connections'][number]['roles'][number],
  absolute: Absolute,
): RoleCredential {
  if (ephemeral !== undefined) {
    const { admin_user: adminUser, admin_password: adminPassword, member_of: memberOf } = ephemeral
    return {
      kind: 'ephemeral-role',
      adminUser,
      adminPassword: locate(adminPassword, absolute),
      memberOf: [...new Set(memberOf)],
    }
  }
  if (user === undefined || password === undefined)
    throw new Error('a role was not checked before it was built')
  return { kind: 'static', user, password: locate(password, absolute) }
}

function buildTls(
  { mode, ca_file: caFile, server_name: serverName, negotiation }: HoopShape['connections'][number]['tls'],
  absolute: Absolute,
): TargetTls {
  if (mode === 'disable') return { mode }
  const negotiated = negotiation === 'direct' ? { negotiation } : {}
  if (mode === 'require') return { mode, ...negotiated }
  return {
    mode,
    ...negotiated,
    ...(caFile === undefined ? {} : { caFile: absolute(caFile) }),
    ...(serverName === undefined ? {} : { serverName }),
  }
}

function buildMaskingRule(shape: HoopShape['masking']['rules'][number]): ScopedMaskingRule {
  const { name, strategy, columns, detectors = [], strong } = shape
  const rule: MaskingRule =
    columns === undefined
      ? { kind: 'detector', name, detectors, strategy }
      : { kind: 'column', name, columns, strategy, ...(strong ? { strong } : {}) }
  return { rule, connections: shape.connections, exceptGroups: shape.except_groups }
}
