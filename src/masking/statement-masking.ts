import type { RuleName } from '../domain/names.js'

/** Where an output column comes from, as the server's RowDescription says. PostgreSQL protocol, "Message Formats". */
export interface ColumnSource {
  readonly name: string
  /** 0 when the column is not a plain reference to a table's column. */
  readonly tableOid: number
  readonly columnNumber: number
  readonly typeOid: number
  readonly format: 'text' | 'binary'
}

/**
 * Masks one value. Takes the bytes of the value as they are on the wire, which it must not change, and gives the bytes
 * to send instead: the same buffer when there is nothing to mask, null for SQL NULL.
 */
export type CellMask = (value: Buffer) => Buffer | null

/** What to do with each column of a result, by position; undefined passes it. `rule` is there for the recording. */
export type RowPlan = readonly ({ readonly rule: RuleName; readonly mask: CellMask } | undefined)[]

/** What masking does to everything that answers one text. Made once per verdict; holds no state of the rows. */
export interface StatementMasking {
  /**
   * The plan for a result of this shape; undefined when every row passes as it is. `statement` says which one of the text
   * the rows answer, by its place; where that is not known, the strictest of all of them counts.
   */
  planRows(columns: readonly ColumnSource[], statement?: number): RowPlan | undefined
  /**
   * The plan for COPY TO STDOUT, by position among `columnCount` columns, over unescaped text values; undefined when
   * every row passes as it is. Only for the text and csv formats: binary is refused when anything could be masked.
   */
  planCopy(columnCount: number, statement?: number): RowPlan | undefined
  /** Text made by the server that can carry values: messages, details, notices, notifications, settings. */
  maskText(text: string): string
  /**
   * The payload of a notification: triggers and other sessions fill it with what nobody can trace, so it is replaced
   * whole as soon as a column is protected. Where this is absent, `maskText` is used.
   */
  readonly maskPayload?: (text: string) => string
  /** True when messages of this statement may hold protected values in any form, so that they are replaced whole. */
  readonly hidesMessages: boolean
}
