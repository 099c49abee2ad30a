import type { OperatorUse, RelationName, RowName, UseFacts, UseKind, ValueUse } from '../../domain/facts.js'
import { UniqueList } from './unique-list.js'

/** The use facts of one statement while its tree is read. */
export class UseDraft {
  readonly #used = new UniqueList<ValueUse>()
  readonly #renames = new UniqueList<UseFacts['renames'][number]>()
  readonly #rows = new UniqueList<RowName>()
  readonly #operators = new UniqueList<OperatorUse>()
  readonly #written = new UniqueList<string>()
  /** Common table expressions anywhere: a relation of such a name can be one. */
  readonly tables = new Set<string>()
  mixesNames = false
  showsStar = false

  use(kind: UseKind, name: string, qualifier?: string): void {
    this.#used.add(`${kind}.${qualifier ?? ''}.${name}`, { qualifier, name, kind })
  }

  rename(from: string, to: string): void {
    if (from !== to) this.#renames.add(`${from}.${to}`, { from, to })
  }

  row(name: string, relation: RelationName | undefined): void {
    const key = relation === undefined ? name : `${name}.${relation.schema ?? ''}.${relation.name}`
    this.#rows.add(key, { name, relation })
  }

  operator(operator: OperatorUse): void {
    this.#operators.add(`${operator.schema ?? ''}.${operator.name}`, operator)
  }

  write(column: string): void {
    this.#written.add(column, column)
  }

  /** The finished facts, plain data that crosses threads. */
  finish(): UseFacts {
    const isTable = ({ schema, name }: RelationName) => schema === undefined && this.tables.has(name)
    return {
      used: this.#used.items,
      renames: this.#renames.items,
      rows: this.#rows.items.map(row =>
        row.relation !== undefined && isTable(row.relation) ? { ...row, relation: undefined } : row,
      ),
      mixesNames: this.mixesNames,
      showsStar: this.showsStar,
      operators: this.#operators.items,
      written: this.#written.items,
    }
  }
}
