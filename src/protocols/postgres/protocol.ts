import type { Protocol } from '../protocol.js'
import { cancelRequest } from './cancel.js'
import { readCatalog } from './catalog.js'
import { startClient } from './client-start.js'
import { refuseStart } from './end-error.js'
import { ephemeralRoles } from './ephemeral-roles.js'
import { joinPostgres } from './machine.js'
import { startTarget } from './target-start.js'

/** PostgreSQL's frontend/backend protocol, version 3.0, as PostgreSQL 12 to 18 speak it. */
export const postgres: Protocol = {
  startClient,
  startTarget,
  join: joinPostgres,
  readCatalog,
  cancelRequest,
  refuseStart,
  ephemeralRoles,
}
