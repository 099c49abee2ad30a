/** What a statement that defines something does, by the type of its node. */
export interface Definition {
  readonly verb: string
  /** The kind of object; undefined when a field of the node says it, see `objectOf`. */
  readonly object?: string
  /** Changes data or definitions. Absent is true. */
  readonly writes?: boolean
  /** Changes definitions. Absent is the same as `writes`. */
  readonly defines?: boolean
  readonly drops?: boolean
  readonly opaque?: boolean
  readonly serverAccess?: boolean
  readonly storesData?: boolean
  /** Fields that hold the relations it writes to or redefines; relations elsewhere are read. */
  readonly targets?: readonly string[]
}

const CREATE = { verb: 'CREATE' }
const ALTER = { verb: 'ALTER' }
const DROP = { verb: 'DROP', drops: true }
/** Neither data nor definitions change. */
const QUIET = { writes: false }

/**
 * Every statement of the grammar that is not a query, a modification or about the session. What is missing here is
 * reported as opaque code, so a new PostgreSQL version cannot bring a statement that passes unseen.
 */
export const DEFINITIONS: Readonly<Record<string, Definition>> = {
  CreateStmt: { ...CREATE, object: 'TABLE', targets: ['relation'], storesData: true },
  CreateForeignTableStmt: { ...CREATE, object: 'FOREIGN TABLE', serverAccess: true },
  CreateSchemaStmt: { ...CREATE, object: 'SCHEMA' },
  CreateSeqStmt: { ...CREATE, object: 'SEQUENCE', targets: ['sequence'] },
  IndexStmt: { ...CREATE, object: 'INDEX', targets: ['relation'], storesData: true },
  CreateStatsStmt: { ...CREATE, object: 'STATISTICS', targets: ['relations'], storesData: true },
  CreateDomainStmt: { ...CREATE, object: 'DOMAIN' },
  CompositeTypeStmt: { ...CREATE, object: 'TYPE', targets: ['typevar'] },
  CreateEnumStmt: { ...CREATE, object: 'TYPE' },
  CreateRangeStmt: { ...CREATE, object: 'TYPE', opaque: true },
  // CREATE AGGREGATE, OPERATOR, TYPE with its functions, COLLATION, TEXT SEARCH …: code behind a name.
  DefineStmt: { ...CREATE, opaque: true },
  CreateOpClassStmt: { ...CREATE, object: 'OPERATOR CLASS', opaque: true },
  CreateOpFamilyStmt: { ...CREATE, object: 'OPERATOR FAMILY', opaque: true },
  CreateCastStmt: { ...CREATE, object: 'CAST', opaque: true },
  CreateConversionStmt: { ...CREATE, object: 'CONVERSION', opaque: true },
  CreateTransformStmt: { ...CREATE, object: 'TRANSFORM', opaque: true },
  CreateFunctionStmt: { ...CREATE, opaque: true, storesData: true },
  CreateTrigStmt: { ...CREATE, object: 'TRIGGER', opaque: true, targets: ['relation'] },
  CreateEventTrigStmt: { ...CREATE, object: 'EVENT TRIGGER', opaque: true },
  RuleStmt: { ...CREATE, object: 'RULE', opaque: true, storesData: true, targets: ['relation'] },
  CreatePolicyStmt: { ...CREATE, object: 'POLICY', opaque: true, targets: ['table'] },
  CreatePLangStmt: { ...CREATE, object: 'LANGUAGE', opaque: true, serverAccess: true },
  CreateAmStmt: { ...CREATE, object: 'ACCESS METHOD', opaque: true, serverAccess: true },
  CreateExtensionStmt: { ...CREATE, object: 'EXTENSION', opaque: true, serverAccess: true },
  CreateFdwStmt: { ...CREATE, object: 'FOREIGN DATA WRAPPER', opaque: true, serverAccess: true },
  CreateForeignServerStmt: { ...CREATE, object: 'SERVER', serverAccess: true },
  CreateUserMappingStmt: { ...CREATE, object: 'USER MAPPING', serverAccess: true },
  ImportForeignSchemaStmt: { verb: 'IMPORT', object: 'FOREIGN SCHEMA', serverAccess: true },
  CreateTableSpaceStmt: { ...CREATE, object: 'TABLESPACE', serverAccess: true },
  CreateSubscriptionStmt: { ...CREATE, object: 'SUBSCRIPTION', serverAccess: true },
  CreatePublicationStmt: { ...CREATE, object: 'PUBLICATION' },
  CreateRoleStmt: { ...CREATE },
  CreatedbStmt: { ...CREATE, object: 'DATABASE' },

  AlterTableStmt: { ...ALTER, targets: ['relation'], storesData: true },
  AlterTableMoveAllStmt: { ...ALTER },
  AlterTableSpaceOptionsStmt: { ...ALTER, object: 'TABLESPACE' },
  AlterDomainStmt: { ...ALTER, object: 'DOMAIN' },
  AlterEnumStmt: { ...ALTER, object: 'TYPE' },
  AlterTypeStmt: { ...ALTER, object: 'TYPE', opaque: true },
  AlterCollationStmt: { ...ALTER, object: 'COLLATION' },
  AlterSeqStmt: { ...ALTER, object: 'SEQUENCE', targets: ['sequence'] },
  AlterStatsStmt: { ...ALTER, object: 'STATISTICS' },
  AlterFunctionStmt: { ...ALTER },
  AlterOperatorStmt: { ...ALTER, object: 'OPERATOR', opaque: true },
  AlterOpFamilyStmt: { ...ALTER, object: 'OPERATOR FAMILY', opaque: true },
  AlterPolicyStmt: { ...ALTER, object: 'POLICY', opaque: true, targets: ['table'] },
  AlterEventTrigStmt: { ...ALTER, object: 'EVENT TRIGGER' },
  AlterExtensionStmt: { ...ALTER, object: 'EXTENSION', opaque: true, serverAccess: true },
  AlterExtensionContentsStmt: { ...ALTER, object: 'EXTENSION' },
  AlterFdwStmt: { ...ALTER, object: 'FOREIGN DATA WRAPPER', opaque: true, serverAccess: true },
  AlterForeignServerStmt: { ...ALTER, object: 'SERVER', serverAccess: true },
  AlterUserMappingStmt: { ...ALTER, object: 'USER MAPPING', serverAccess: true },
  AlterSubscriptionStmt: { ...ALTER, object: 'SUBSCRIPTION', serverAccess: true },
  AlterPublicationStmt: { ...ALTER, object: 'PUBLICATION' },
  AlterTSDictionaryStmt: { ...ALTER, object: 'TEXT SEARCH DICTIONARY' },
  AlterTSConfigurationStmt: { ...ALTER, object: 'TEXT SEARCH CONFIGURATION' },
  AlterDefaultPrivilegesStmt: { ...ALTER, object: 'DEFAULT PRIVILEGES' },
  AlterRoleStmt: { ...ALTER, object: 'ROLE' },
  AlterRoleSetStmt: { ...ALTER, object: 'ROLE' },
  AlterDatabaseStmt: { ...ALTER, object: 'DATABASE' },
  AlterDatabaseSetStmt: { ...ALTER, object: 'DATABASE' },
  AlterDatabaseRefreshCollStmt: { ...ALTER, object: 'DATABASE' },
  AlterSystemStmt: { ...ALTER, object: 'SYSTEM', defines: false, serverAccess: true },
  AlterOwnerStmt: { ...ALTER, targets: ['relation'] },
  AlterObjectSchemaStmt: { ...ALTER, targets: ['relation'] },
  AlterObjectDependsStmt: { ...ALTER, targets: ['relation'] },
  RenameStmt: { ...ALTER, targets: ['relation'] },
  ReplicaIdentityStmt: { ...ALTER },

  DropStmt: { ...DROP },
  DropdbStmt: { ...DROP, object: 'DATABASE' },
  DropRoleStmt: { ...DROP, object: 'ROLE' },
  DropOwnedStmt: { ...DROP, object: 'OWNED' },
  DropTableSpaceStmt: { ...DROP, object: 'TABLESPACE', serverAccess: true },
  DropUserMappingStmt: { ...DROP, object: 'USER MAPPING' },
  DropSubscriptionStmt: { ...DROP, object: 'SUBSCRIPTION', serverAccess: true },
  ReassignOwnedStmt: { verb: 'REASSIGN', object: 'OWNED' },

  TruncateStmt: { verb: 'TRUNCATE', object: 'TABLE', defines: false, targets: ['relations'] },
  GrantStmt: { verb: 'GRANT', targets: ['objects'] },
  GrantRoleStmt: { verb: 'GRANT', object: 'ROLE' },
  CommentStmt: { verb: 'COMMENT' },
  SecLabelStmt: { verb: 'SECURITY', object: 'LABEL', opaque: true },
  RefreshMatViewStmt: { verb: 'REFRESH', object: 'MATERIALIZED VIEW', defines: false, targets: ['relation'] },
  LockStmt: { verb: 'LOCK', object: 'TABLE', defines: false },
  VacuumStmt: { verb: 'VACUUM', defines: false, targets: ['rels'] },
  ClusterStmt: { verb: 'CLUSTER', defines: false, targets: ['relation'] },
  ReindexStmt: { verb: 'REINDEX', defines: false, targets: ['relation'] },
  CheckPointStmt: { verb: 'CHECKPOINT', ...QUIET },
  ListenStmt: { verb: 'LISTEN', ...QUIET },
  UnlistenStmt: { verb: 'UNLISTEN', ...QUIET },
  NotifyStmt: { verb: 'NOTIFY', ...QUIET },
  LoadStmt: { verb: 'LOAD', ...QUIET, opaque: true, serverAccess: true },
  DoStmt: { verb: 'DO', opaque: true, storesData: true },
}
