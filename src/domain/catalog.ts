/** A column of a relation. */
export interface CatalogColumn {
  /** Attribute number, from 1. */
  readonly number: number
  readonly name: string
  readonly typeOid: number
  /** Absent unless the server computes it: from these columns of the relation; 0 stands for any of them. */
  readonly generatedFrom?: readonly number[]
}

/** What the server checks when a row is written, and whose answer tells about other values: by attribute number. */
export interface CatalogConstraint {
  readonly kind: 'unique' | 'check' | 'foreign'
  /** The columns of this relation; 0 stands for an expression or a condition over any of them. */
  readonly columns: readonly number[]
  /** What a foreign key refers to. */
  readonly references?: { readonly oid: number; readonly columns: readonly number[] }
}

/** A table, view, materialized view, foreign table or partition. */
export interface CatalogRelation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: 'table' | 'view' | 'foreign'
  readonly columns: readonly CatalogColumn[]
  /**
   * What the rows of this relation are made of, for views: relations by OID with the columns the definition reads, by
   * number; 0 stands for the whole row. Empty for tables.
   */
  readonly reads: readonly { readonly oid: number; readonly columns: readonly number[] }[]
  /** The relations whose columns this one shares by name: a partition's or an inheriting table's parents. */
  readonly parents: readonly number[]
  /**
   * The query of a view as the server spells it, with a schema for every name outside of `pg_catalog`. Absent for tables,
   * and for views whose definition is too long, came after the limit, or was locked while the snapshot was taken.
   */
  readonly definition?: string
  /** Absent when there are none. */
  readonly constraints?: readonly CatalogConstraint[]
  /** True when a view's definition calls a function that is not built in, or one that runs a text as a statement. */
  readonly callsFunctions: boolean
}

/** What the database's own operators and casts can run without being named as a function. */
export interface DatabaseCode {
  /** Names of operators that can be chosen for values of built-in types. */
  readonly operators: ReadonlySet<string>
  /** Names of operators of which one operand has a type of the database's own: without such a value none is chosen. */
  readonly ownTypeOperators: ReadonlySet<string>
  /** Names of built-in types that an own cast makes of another built-in type, by a function. */
  readonly castTargets: ReadonlySet<string>
  /** What an own cast converts without being asked to, and what it does by a function with values of own types. */
  readonly casts: { readonly builtIn: boolean; readonly toOwn: boolean; readonly fromOwn: boolean }
  /** Own types without code: enumerations and domains without checks. Names as `name` where it is the only one, and `schema.name`. */
  readonly plainTypes: ReadonlySet<string>
  /** The same types and their arrays, by OID. */
  readonly plainTypeOids: ReadonlySet<number>
}

/** What the gateway knows of one database, read over its own connection. */
export interface Catalog {
  /** Grows with every snapshot of the same database: part of a cache key. */
  readonly version: number
  /** Relations outside of `pg_catalog` and `information_schema`, by OID. */
  readonly byOid: ReadonlyMap<number, CatalogRelation>
  /** The same by name, all schemas together: the search path is the client's to change, so every candidate counts. */
  readonly byName: ReadonlyMap<string, readonly CatalogRelation[]>
  /** Names of functions that are not built in, whatever their schema. */
  readonly userFunctions: ReadonlySet<string>
  /** Absent when there is none. */
  readonly code?: DatabaseCode
  /** OIDs below this belong to the system (`FirstNormalObjectId`): 16384. */
  readonly firstUserOid: number
}
