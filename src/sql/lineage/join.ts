import { concatenated, type Shape, type ShapeColumn, sealedShape, wholeRow } from './shape.js'
import { NOTHING, type Sources, unite, unknownSources } from './sources.js'

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

/**
 * What a natural join compares: the columns of the names that both sides have. Where the text lists all names of a side,
 * it can be no other names; the names that both relations have depend on definitions, so there it can be all of them.
 */
export function naturalCondition(one: Shape, other: Shape): Sources {
  if (isListed(one)) return unite(one.columns.map(column => comparedWith(column, other)))
  if (isListed(other)) return unite(other.columns.map(column => comparedWith(column, one)))
  return unite([wholeRow(one), wholeRow(other)])
}

function isListed({ sealed, columns }: Shape): boolean {
  return sealed && columns.every(column => column.name !== undefined)
}

/** A relation that has no such column by the snapshot can have got one, of whatever. */
function comparedWith({ name, sources }: ShapeColumn, side: Shape): Sources {
  const found = side.columns.filter(column => column.name === undefined || column.name === name)
  if (found.length === 0) return side.sealed ? NOTHING : unite([sources, wholeRow(side)])
  return unite([sources, ...found.map(column => column.sources), side.rest ?? NOTHING])
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
