import type { Catalog } from '../../domain/catalog.js'
import { protocolNamed } from '../../protocols/registry.js'
import type { Admission } from '../access/admission.js'
import type { Credential } from '../credentials/credential.js'
import { catalogKey } from './catalogs.js'
import type { ServeDeps } from './serve-client.js'
import { openTarget, type TargetConnection } from './target.js'

export interface CatalogReading {
  readonly admission: Admission
  readonly database: string
  /** A credential of this reading's own; asked for only when the catalog is not known. */
  readonly take: () => Promise<Credential>
}

/**
 * What is known of a database, for a question that no session asks. INVARIANT 3: a credential that is taken for it is
 * forgotten with the connection it opened. Fails as `openTarget` does.
 */
export async function readCatalog(
  { admission, database, take }: CatalogReading,
  { agents, catalogs }: Pick<ServeDeps, 'agents' | 'catalogs'>,
): Promise<Catalog> {
  const protocol = protocolNamed(admission.connection.protocol)
  const open = async (): Promise<TargetConnection> => {
    const credential = await take()
    try {
      const opened = await openTarget(admission, { protocol, credential, database, settings: {}, agents })
      opened.stream.once('close', () => credential.forget())
      return opened
    } catch (error) {
      credential.forget()
      throw error
    }
  }
  return catalogs.read(catalogKey(admission, database), { protocol, open })
}
