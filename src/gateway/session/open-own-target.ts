import type { Admission } from '../access/admission.js'
import { openTarget, type TargetConnection, type TargetOptions } from './target.js'

/** So that whoever looks at the target's sessions can tell. */
const OWN_SETTINGS = { application_name: 'hoop gateway' } as const

/**
 * Opens a connection of the gateway's own with a session's credential. INVARIANT 3, INVARIANT 5: it is closed when the
 * credential is forgotten, whoever uses it then. Fails as `openTarget` does.
 */
export async function openOwnTarget(
  admission: Admission,
  target: Omit<TargetOptions, 'settings'>,
): Promise<TargetConnection> {
  const opened = await openTarget(admission, { ...target, settings: OWN_SETTINGS })
  const { stream } = opened
  stream.on('error', () => {})
  const forgetAbout = target.credential.onceForgotten(() => stream.destroy())
  stream.once('close', forgetAbout)
  return opened
}
