/**
 * Names of operators of `pg_catalog` (`pg_operator` of PostgreSQL 15 to 18). Each computes from its operands. An operator
 * with another name was made in the database, and its function can read what it likes.
 */
const BUILT_IN: ReadonlySet<string> = new Set(
  (
    '+ - * / % ^ = <> != < > <= >= || ~ ~* !~ !~* ~~ ~~* !~~ !~~* ~~~ !~~~ & | # << >> <<= >>= -> ->> #> #>> #- @ @> <@ @@ @@@ ' +
    '@? ? ?| ?& ?# ?- ?-| ?|| && &< &> &<| |&> <<| |>> |/ ||/ !! -|- ## <-> <^ >^ ~= ~<~ ~<=~ ~>=~ ~>~ *= *<> *< *<= *> *>= ^@ @-@'
  ).split(' '),
)

/** True for the name of a built-in operator. */
export function isBuiltInOperator(name: string): boolean {
  return BUILT_IN.has(name)
}
