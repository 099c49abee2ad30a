import type { Protocol } from '../protocol.js'
import { cancelRequest } from './cancel.js'
import { readCatalog } from './catalog.js'
import { startClient } from './client-start.js'
import { readFingerprint } from './definition-fingerprint.js'
import { refuseStart } from './end-error.js'
import { ephemeralRoles } from './ephemeral-roles.js'
import { joinPostgres } from './machine.js'
import { readObjectVersions } from './object-versions.js'
import { estimateRows } from './row-estimate.js'
import { startTarget } from './target-start.js'

/** PostgreSQL's frontend/backend protocol, version 3.0 to targets and 3.0 to 3.2 to clients, as PostgreSQL 12 to 18 speak it. */
export const postgres: Protocol = {
  startClient,
  startTarget,
  join: joinPostgres,
  readCatalog,
  readObjectVersions,
  readFingerprint,
  estimateRows,
  cancelRequest,
  refuseStart,
  ephemeralRoles,
}
