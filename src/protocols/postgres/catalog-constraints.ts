import type { CatalogConstraint } from '../../domain/catalog.js'

/** Reads a row of the query `constraints`: the relation, its kind, its columns, and what a foreign key refers to. */
export function readConstraint([, type, columns, references, referenced]: readonly (
  | string
  | null
)[]): CatalogConstraint {
  const kind = type === 'f' ? 'foreign' : type === 'c' ? 'check' : 'unique'
  const own = { kind, columns: readNumbers(columns) } as const
  return kind === 'foreign'
    ? { ...own, references: { oid: Number(references), columns: readNumbers(referenced) } }
    : own
}

/** Attribute numbers with blanks between them. None stand for any: a check without columns can be of the whole row. */
export function readNumbers(text: string | null | undefined): readonly number[] {
  return text === null || text === undefined || text === '' ? [0] : text.split(' ').map(Number)
}
