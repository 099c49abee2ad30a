import type {
  ColumnUse,
  CopyUse,
  FlowFacts,
  FunctionName,
  RelationUse,
  SessionName,
} from '../../domain/facts.js'
import { UniqueList } from './unique-list.js'

/** The flow facts of one statement while its tree is read, nested parts included. */
export class FlowDraft {
  readonly relations = new UniqueList<RelationUse>()
  readonly columns = new UniqueList<ColumnUse>()
  readonly functions = new UniqueList<FunctionName>()
  readonly casts = new UniqueList<string>()
  setOperation = false
  innerStar = false
  wholeRow = false
  renamesColumns = false
  storesData = false
  copy: CopyUse | undefined
  sessionName: SessionName | undefined
  readonly positions = new Set<string>()

  /** The finished facts without the uses, plain data that crosses threads. */
  finish(): Omit<FlowFacts, 'uses'> {
    return {
      relations: this.relations.items,
      columns: this.columns.items,
      functions: this.functions.items,
      casts: this.casts.items,
      setOperation: this.setOperation,
      innerStar: this.innerStar,
      wholeRow: this.wholeRow,
      renamesColumns: this.renamesColumns,
      storesData: this.storesData,
      copy: this.copy,
      sessionName: this.sessionName,
      ...(this.positions.size === 0 ? {} : { positions: [...this.positions] }),
    }
  }
}
