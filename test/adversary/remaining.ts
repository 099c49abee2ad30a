const CONDITION = 'a condition reads the column, and what comes back depends on it'
const ORDER = 'the order of rows is by the column'
const GROUPS = 'how many groups there are, and how large'
const ROWS = 'the number of rows is by the column'
const JOIN = 'a join with candidates'
const FAILURE = 'whether the statement fails'
const STATISTICS = 'the statistics of a column, without its values'
const PLAN = 'row counts of EXPLAIN ANALYZE'

/**
 * What still tells something about protected values, by attack, with the channel: all of it is inference, as
 * docs/masking.md says under "What remains possible". An attack that stops to work has to be taken out of here.
 */
export const REMAINING: Readonly<Record<string, string>> = {
  'PG-59': PLAN,
  'PG-61': CONDITION,
  'PG-63': JOIN,
  'PG-65': JOIN,
  'shape-distinct-on': ORDER,
  'shape-group-key': GROUPS,
  'shape-grouping-sets': GROUPS,
  'shape-rollup': GROUPS,
  'name-recursive-search': GROUPS,
  'name-using': JOIN,
  'name-using-alias': JOIN,
  'name-except': GROUPS,
  'name-view-stats': STATISTICS,
  'name-foreign-key': FAILURE,
  'message-divide': FAILURE,
  'message-divide-case': FAILURE,
  'message-divide-scalar': FAILURE,
  'message-overflow': FAILURE,
  'message-more-than-one': FAILURE,
  'message-sqrt': FAILURE,
  'message-substring': FAILURE,
  'message-stats-expression': STATISTICS,
  'message-stats-n-distinct': STATISTICS,
  'message-explain-analyze': PLAN,
  'session-auto-explain': CONDITION,
  'message-unique': FAILURE,
  'infer-rows-of-unnest': ROWS,
  'infer-rows-of-limit': ROWS,
  'infer-rows-of-condition': ROWS,
  'name-merge-condition': CONDITION,
  'infer-update-count': CONDITION,
  'infer-update-returning': CONDITION,
  'infer-delete-count': CONDITION,
  'infer-store': CONDITION,
  'infer-equals': CONDITION,
  'infer-like': CONDITION,
  'infer-in': CONDITION,
  'infer-any': CONDITION,
  'infer-order': ORDER,
  'infer-order-limit': ORDER,
  'infer-order-expression': ORDER,
  'infer-row-number': ORDER,
  'infer-rank': ORDER,
  'infer-group': GROUPS,
  'infer-having': CONDITION,
  'infer-filter': CONDITION,
  'infer-exists': CONDITION,
  'infer-semi-join': JOIN,
  'infer-lateral': CONDITION,
  'infer-self-join': JOIN,
  'infer-correlated': CONDITION,
  'infer-move': CONDITION,
  'infer-bind': CONDITION,
  'infer-natural': JOIN,
  'infer-except': JOIN,
  'infer-by-place': ORDER,
  'infer-by-alias': ORDER,
  'infer-group-by-place': GROUPS,
  'infer-renamed': CONDITION,
  'infer-cte-renamed': CONDITION,
  'infer-first-branch': CONDITION,
  'infer-recursion': CONDITION,
  'infer-exists-alias': CONDITION,
  'infer-conflict': FAILURE,
  'infer-conflict-count': FAILURE,
  'infer-update-unique': FAILURE,
  'infer-window-frame': ORDER,
  'infer-cluster': ORDER,
}

/** What still tells something in strict mode. */
export const STRICT_REMAINING: Readonly<Record<string, string>> = {}

/** Answers that depend on what else goes on at the server: only values count there. */
export const UNSTEADY: ReadonlySet<string> = new Set(['PG-57', 'message-activity'])

const WRITES = 'it is about what may be written or read, not about values that are masked'
const SAME = 'the server says the same whatever the value is'
const FAILS = 'the server fails it for another reason'
const REFUSED = 'the gateway refuses it also where nothing is masked'

/** Attacks that learn nothing where nothing is masked either, with the reason. */
export const HARMLESS: Readonly<Record<string, string>> = {
  'PG-71': WRITES,
  'PG-73': WRITES,
  'PG-75': WRITES,
  'PG-77': WRITES,
  'PG-79': WRITES,
  'PG-81': WRITES,
  'PG-83': WRITES,
  'PG-85': WRITES,
  'shape-rank': SAME,
  'shape-window-offset': FAILS,
  'shape-pg-typeof': SAME,
  'name-view-rules': SAME,
  'message-cast-in-cte': SAME,
  'message-cast-domain': FAILS,
  'message-primary': SAME,
  'message-partition': SAME,
  'message-partition-insert': FAILS,
  'message-setseed': SAME,
  'message-activity': SAME,
  'message-explain-constant': SAME,
  'message-explain-estimate': SAME,
  'message-explain-index': SAME,
  'message-explain-function': SAME,
  'message-get-person': FAILS,
  'session-prepare-failed': FAILS,
  'session-execute-parameter': SAME,
  'session-explain-execute': SAME,
  'session-cursor-in-function': REFUSED,
  'session-refcursor': REFUSED,
  'session-space': FAILS,
  'session-sjis': REFUSED,
  'session-invalid-utf8': FAILS,
  'session-strings-off': REFUSED,
  'message-copy-where': FAILS,
}
