import type { Connection } from '../../domain/connection.js'
import { compileGlob } from '../../domain/glob.js'
import { HoopError } from '../../lib/hoop-error.js'

/** Checks that a connection offers a database. Fails with `forbidden`. */
export function checkDatabase(connection: Connection, database: string): void {
  if (connection.databases.some(pattern => compileGlob(pattern)(database))) return
  throw new HoopError(
    'forbidden',
    `Cannot open database "${database}": connection "${connection.name}" does not offer it`,
    {
      hint: `use database "${connection.database}"`,
    },
  )
}
