import type { Catalog } from '../../domain/catalog.js'
import { protocolNamed } from '../../protocols/registry.js'
import type { Admission } from '../access/admission.js'
import type { Credential } from '../credentials/credential.js'
import { catalogKey } from './catalogs.js'
import { openOwnTarget } from './open-own-target.js'
import type { ServeDeps } from './serve-client.js'
import type { TargetConnection } from './target.js'

export interface CatalogReading {
  readonly admission: Admission
  readonly database: string
  /** A credential of this reading's own; asked for only when the catalog is not known. */
  readonly take: () => Promise<Credential>
}

/**
 * What is known of a database, for a question that no session asks. INVARIANT 3: a credential that is taken for it is
 * forgotten when the catalog is known, and the connection it opened is closed with it. Fails as `openTarget` does.
 */
export async function readCatalog(
  { admission, database, take }: CatalogReading,
  { agents, catalogs }: Pick<ServeDeps, 'agents' | 'catalogs'>,
): Promise<Catalog> {
  const protocol = protocolNamed(admission.connection.protocol)
  const taken: Credential[] = []
  const open = async (): Promise<TargetConnection> => {
    const credential = await take()
    taken.push(credential)
    return openOwnTarget(admission, { protocol, credential, database, agents })
  }
  try {
    return await catalogs.read(catalogKey(admission, database), { protocol, open })
  } finally {
    for (const credential of taken) credential.forget()
  }
}
