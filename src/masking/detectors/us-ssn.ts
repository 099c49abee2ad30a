import { type Detector, findAll, needs, SIGNS } from './detector.js'

/**
 * Area, group and serial with the same separator twice. Areas 000, 666 and 900 to 999, group 00 and serial 0000 are
 * never given out (Social Security Administration, "SSN Randomization").
 */
const SSN = /(?<![\w.]|[0-9]-)(?!000|666|9)[0-9]{3}([- ])(?!00)[0-9]{2}\1(?!0000)[0-9]{4}(?!\w|-[0-9])/g

/** US social security numbers as people write them, `123-45-6789`. Nine digits in a row could be anything. */
export const usSsn: Detector = {
  name: 'us-ssn',
  needs: needs({ length: 11, digits: 9, signs: SIGNS.separator }),
  find: text => findAll(SSN, text),
}
