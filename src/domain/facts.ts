/** A relation as a statement names it. `schema` is absent when the text leaves it to the search path. */
export interface RelationName {
  readonly schema: string | undefined
  readonly name: string
}

/** A relation in a statement and what happens to it. CTE names and aliases are not relations. */
export interface RelationUse extends RelationName {
  readonly access: 'read' | 'write'
}

/**
 * A function as a statement names it. Operators are listed apart, in `uses`; casts to a type appear as the type's name in `casts`.
 * A field of an expression, `(x).name`, is listed here and as a column: the server takes it for either. `alias.name` is
 * listed as a column only; where no such column exists, the server calls the function with the whole row.
 */
export interface FunctionName {
  readonly schema: string | undefined
  readonly name: string
}

/**
 * A column that a statement reads. `place` is `filter` inside WHERE, ON, USING, HAVING; `order` inside ORDER BY,
 * GROUP BY, DISTINCT ON, PARTITION BY; `output` wherever the value can travel: select lists, SET sources, VALUES,
 * function arguments in FROM, RETURNING. The target column of INSERT or SET is not read and not listed.
 */
export interface ColumnUse {
  /** The alias or table before the dot, when there is one. */
  readonly qualifier: string | undefined
  readonly name: string
  readonly place: 'output' | 'filter' | 'order'
}

/**
 * A run-time setting that a statement changes, `SET name TO value`; the name is in lower case. `value` is absent for
 * DEFAULT, RESET and FROM CURRENT. A name or value that is computed, as in `set_config($1, $2, false)`, is `*`: it could
 * be any. RESET ALL and DISCARD ALL are the name `all` without a value.
 */
export interface SettingUse {
  readonly name: string
  readonly value: string | undefined
}

/** What a COPY moves, and where. */
export interface CopyUse {
  readonly direction: 'in' | 'out'
  readonly through: 'client' | 'file' | 'program'
  /** The relation, for `COPY table`; absent for `COPY (query)`. */
  readonly relation: RelationName | undefined
  /** The columns of `COPY table (a, b)`; empty for all. */
  readonly columns: readonly string[]
  readonly format: 'text' | 'csv' | 'binary'
  /** Options beside the format, lower-case names: `delimiter`, `null`, `header`, `quote`, `escape`, `encoding`. */
  readonly options: Readonly<Record<string, string>>
}

/** A name in the session's own tables of prepared statements and cursors. `name` is absent for ALL. */
export type SessionName =
  | { readonly kind: 'prepare' | 'execute' | 'deallocate'; readonly name: string | undefined }
  | { readonly kind: 'declare' | 'close'; readonly name: string | undefined }
  | {
      readonly kind: 'fetch'
      readonly name: string | undefined
      /** True where rows may be asked for that were there before: the server runs the functions of the cursor again. */
      readonly goesBack?: true
    }

/**
 * What one command does, read by the database's own grammar. A statement gives one for itself and one for each command
 * inside that would run with it: a DELETE in a CTE, the statement under EXPLAIN ANALYZE, the body of PREPARE and of a
 * rule-free cursor, each DELETE or UPDATE branch of MERGE. Every one of them is judged and the strictest verdict counts.
 */
export interface CommandFacts {
  /** The leading verb in upper case: SELECT, INSERT, UPDATE, DELETE, MERGE, DROP, TRUNCATE, ALTER, CREATE, COPY, SET, … */
  readonly verb: string
  /** What a definition is about, in upper case: TABLE, VIEW, FUNCTION, …; empty where it makes no sense. */
  readonly object: string
  /** True for a command found inside another. */
  readonly nested: boolean
  /** True when data or definitions can change: also SELECT INTO, SELECT … FOR UPDATE, COPY FROM, nextval and setval. */
  readonly writes: boolean
  /** True for UPDATE, DELETE and MERGE branches whose condition reads a column; true for every other verb. */
  readonly filtered: boolean
  /** True when an object or a part of one disappears: DROP, ALTER … DROP, TRUNCATE is not one. */
  readonly drops: boolean
  /** True when definitions change, so that what is known of the catalog is stale. */
  readonly defines: boolean
  /** True when the command carries code that these facts do not reach: DO, CREATE FUNCTION, a trigger, CALL is not one. */
  readonly opaque: boolean
  /** True when the server's files, programs, libraries or configuration are touched. */
  readonly serverAccess: boolean
  readonly relations: readonly RelationUse[]
  readonly functions: readonly FunctionName[]
  readonly settings: readonly SettingUse[]
}

/** What happens to a value: it decides which rows there are, it orders or tells them apart, or something is made of it. */
export type UseKind = 'condition' | 'key' | 'expression'

/** An operator as a statement names it, or as its syntax means it: IN means `=`. */
export interface OperatorUse extends FunctionName {
  /** PostgreSQL itself has one of that name, and no other schema is named. The database can have more of that name. */
  readonly builtIn: boolean
}

/** A value that a statement does more with than to hand it on. The name `*` is every column, or every one in common. */
export interface ValueUse {
  readonly qualifier: string | undefined
  readonly name: string
  readonly kind: UseKind
}

/** A name by which rows can be mentioned: an alias, or the table's own. Without a relation when a query made the rows. */
export interface RowName {
  readonly name: string
  readonly relation: RelationName | undefined
}

/**
 * What a statement does with columns beside showing them, nested parts included. A column that only travels to the result
 * through select lists, subqueries in FROM, common table expressions, UNION ALL and RETURNING is not `used`.
 */
export interface UseFacts {
  readonly used: readonly ValueUse[]
  /** Names under which columns travel on: `ssn AS a`, or by position. `from` is `*` where it can be any column. */
  readonly renames: readonly { readonly from: string; readonly to: string }[]
  readonly rows: readonly RowName[]
  /** A set operation gives columns names that nobody can tell. */
  readonly mixesNames: boolean
  /** A `*` shows columns that are not named. */
  readonly showsStar: boolean
  readonly operators: readonly OperatorUse[]
  /** Columns that INSERT, UPDATE, MERGE and COPY write, of all targets together; `*` for all of them. */
  readonly written: readonly string[]
}

/** What masking needs to know of a whole statement, nested parts included. */
export interface FlowFacts {
  readonly relations: readonly RelationUse[]
  readonly columns: readonly ColumnUse[]
  readonly functions: readonly FunctionName[]
  /** Type names of casts, as written, without array marks: `ssn::bytea` gives `bytea`. */
  readonly casts: readonly string[]
  /** UNION, INTERSECT or EXCEPT anywhere: the server then reports the origin of the first branch only. */
  readonly setOperation: boolean
  /** A `*` other than in the outermost select list or in `count(*)`: columns travel without being named. */
  readonly innerStar: boolean
  /** A row variable is used as a value, `SELECT c FROM customers c`, also `c.*` inside an expression. */
  readonly wholeRow: boolean
  /** Columns get other names by position: `customers AS c(a, b)`, a CTE with a column list. */
  readonly renamesColumns: boolean
  /** Data is stored where it can be read again: INSERT … SELECT, UPDATE, SELECT INTO, CREATE TABLE AS, CREATE VIEW, MERGE. */
  readonly storesData: boolean
  readonly copy: CopyUse | undefined
  readonly sessionName: SessionName | undefined
  /** Cursors of WHERE CURRENT OF, whose row is changed; absent when there are none. */
  readonly positions?: readonly string[]
  readonly uses: UseFacts
}

/** One statement of a text. `commands[0]` is the statement itself. */
export interface StatementFacts {
  readonly commands: readonly CommandFacts[]
  readonly flow: FlowFacts
}

/** Everything known about one text a client sent. Depends on the text alone, so it can be cached by it. */
export type TextFacts =
  | { readonly understood: true; readonly statements: readonly StatementFacts[] }
  | {
      readonly understood: false
      readonly reason: string
      /** All that is wrong: the text is one statement, about a name that nobody knows. */
      readonly unknownName?: UnknownName
      /** All that is wrong: the grammar does not take the text. */
      readonly syntaxError?: GrammarError
    }

/**
 * Why PostgreSQL's grammar does not take a text, in the words of the server. `code` is the SQLSTATE; `position` counts
 * characters from 1, and is absent where the server gives none. PostgreSQL protocol, "Error and Notice Message Fields".
 */
export interface GrammarError {
  readonly code: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
  readonly position?: number
}

/** A name of the session that a statement uses, and that stands for nothing the gateway knows. */
export interface UnknownName {
  readonly kind: 'prepared' | 'cursor'
  readonly name: string
}
