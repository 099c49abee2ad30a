import type { DetectorName } from '../../domain/masking-rule.js'
import { cardNumber } from './card-number.js'
import { cloudKey } from './cloud-key.js'
import type { Detector } from './detector.js'
import { email } from './email.js'
import { iban } from './iban.js'
import { jwt } from './jwt.js'
import { phone } from './phone.js'
import { privateKey } from './private-key.js'
import { usSsn } from './us-ssn.js'

const BY_NAME: Readonly<Record<DetectorName, Detector>> = {
  'card-number': cardNumber,
  email,
  'us-ssn': usSsn,
  iban,
  phone,
  jwt,
  'private-key': privateKey,
  'cloud-key': cloudKey,
}

/** The detector of this name. */
export function detectorNamed(name: DetectorName): Detector {
  return BY_NAME[name]
}
