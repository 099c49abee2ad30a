import { type Detector, findAll, needs, SIGNS, withoutOverlaps } from './detector.js'

/** `+49 30 901820`, `+1 (555) 010-0199`: E.164, 8 to 15 digits, single separators or brackets between them. */
const INTERNATIONAL = /(?<![\w+.])(?:\+|00 )[1-9](?:[ .()/-]{0,2}[0-9]){7,14}(?![0-9A-Za-z])/g
/** `(555) 010-0199`, `555-010-0199`, `555.010.0199`: North American numbering plan. */
const NORTH_AMERICAN =
  /(?<![\w+.-])(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[.-])[0-9]{3}[.-][0-9]{4}(?![\w-]|\.[0-9])/g
/** `020 7946 0958`, `0171/1234567`, `030-1234567`: a national number with its trunk prefix in groups. */
const NATIONAL = /(?<![\w+.,:-])0[1-9][0-9]{0,3}[ /-][0-9]{3,4}[ -]?[0-9]{3,5}(?![\w-]|[.,:][0-9])/g
/** `01 23 45 67 89`, `06.12.34.56.78`: five pairs. */
const PAIRS = /(?<![\w+.,:-])0[1-9]([ .-])[0-9]{2}\1[0-9]{2}\1[0-9]{2}\1[0-9]{2}(?![\w-]|[ .][0-9])/g

/** Telephone numbers as people write them. Conservative: digits alone are a number of anything. */
export const phone: Detector = {
  name: 'phone',
  needs: needs({ digits: 8, signs: SIGNS.separator }),
  find: text => {
    const forms = [INTERNATIONAL, NORTH_AMERICAN, NATIONAL, PAIRS]
    return withoutOverlaps(forms.flatMap(form => findAll(form, text)))
  },
}
