import { concatenated, type Shape, type ShapeColumn, sealedShape } from './shape.js'
import { type Sources, unite, unknownSources } from './sources.js'

/**
 * What `*` gives of a join: merged columns first, then the rest of both sides (PostgreSQL 18, "SELECT", USING). Where a
 * side is not sealed, order means nothing, and both columns of a merged name are there: a name finds the two of them.
 */
export function joinStar(one: Shape, other: Shape, merge: 'natural' | readonly string[]): Shape {
  const both = concatenated([one, other])
  const hasNames = both.columns.every(column => column.name !== undefined)
  if (!both.sealed || !hasNames) return merge.length === 0 ? both : { ...both, sealed: false }
  const names = merge === 'natural' ? commonNames(one, other) : merge
  if (names.length === 0) return both
  const isLeft = ({ name }: ShapeColumn): boolean => name === undefined || !names.includes(name)
  const columns = [
    ...mergedColumns(one, other, names),
    ...one.columns.filter(isLeft),
    ...other.columns.filter(isLeft),
  ]
  return { ...both, columns }
}

/** The row of `USING (…) AS alias`: the merged columns and no others. */
export function usingShape(one: Shape, other: Shape, names: readonly string[]): Shape {
  return sealedShape(mergedColumns(one, other, names))
}

function mergedColumns(one: Shape, other: Shape, names: readonly string[]): readonly ShapeColumn[] {
  return names.map(name => ({ name, sources: unite([sideOf(one, name), sideOf(other, name)]) }))
}

function sideOf({ columns, rest }: Shape, name: string): Sources {
  const found = columns.filter(column => column.name === undefined || column.name === name)
  const sources = [...found.map(column => column.sources), ...(rest === undefined ? [] : [rest])]
  return sources.length === 0 ? unknownSources('a merged column is not known') : unite(sources)
}

function commonNames(one: Shape, other: Shape): readonly string[] {
  const names = new Set(other.columns.map(column => column.name))
  return one.columns.flatMap(({ name }) => (name !== undefined && names.has(name) ? [name] : []))
}
