import { type Detector, findAll, needs, type Span, withoutOverlaps } from './detector.js'

const AWS_KEY_ID = /(?<![A-Za-z0-9])A(?:KIA|SIA)[A-Z2-7]{16}(?![A-Za-z0-9])/g
/** 40 characters of base64 that stand alone. Only next to a key id or a name that says what they are. */
const AWS_SECRET = /(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g
const AWS_SECRET_NAMED =
  /secret_?(?:access_?)?key["' \t]{0,3}[:=]>?["' \t]{0,3}(?<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/gi
/** How far from its key id an AWS secret is looked for, in characters. */
const NEAR = 256

const OTHERS: readonly RegExp[] = [
  // Google
  /(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g,
  // GitHub, GitLab
  /(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_-]{20,64})/g,
  // Slack
  /(?<![A-Za-z0-9_])xox[abeoprs]-[A-Za-z0-9-]{10,250}/g,
  // Stripe
  /(?<![A-Za-z0-9_])[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}/g,
  // Azure storage
  /(?<![A-Za-z0-9])AccountKey=(?<secret>[A-Za-z0-9+/]{86}==)/g,
]

/** Access keys of cloud providers and code hosts, by the prefixes that their makers gave them for being found. */
export const cloudKey: Detector = {
  name: 'cloud-key',
  needs: needs({ longestToken: 15 }),
  find: text => {
    const ids = findAll(AWS_KEY_ID, text)
    const found = [...ids, ...findAll(AWS_SECRET_NAMED, text), ...OTHERS.flatMap(one => findAll(one, text))]
    if (ids.length > 0) found.push(...nearOnes(findAll(AWS_SECRET, text), ids))
    return withoutOverlaps(found)
  },
}

/** Both lists are in order, so one walk over them is enough. */
function nearOnes(spans: readonly Span[], ids: readonly Span[]): readonly Span[] {
  let next = 0
  return spans.filter(span => {
    while (next < ids.length && (ids[next]?.to ?? 0) + NEAR < span.from) next += 1
    const id = ids[next]
    return id !== undefined && id.from - span.to <= NEAR
  })
}
