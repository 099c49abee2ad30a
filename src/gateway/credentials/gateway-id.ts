import { dirname } from 'node:path'
import { createPrivateFile, makePrivateDirectory, readPrivateFile } from '../../identity/private-file.js'
import { HoopError } from '../../lib/hoop-error.js'

const ID = /^[0-9a-f]{32}$/
const ID_BYTES = 16

/**
 * Reads the name of this gateway's data directory, or makes it at the first start: random, no secret, the same after a
 * restart. Roles at targets carry it, so that a gateway knows which ones it made itself. Fails with `configuration`.
 */
export async function openGatewayId(file: string, randomBytes: (size: number) => Buffer): Promise<string> {
  const purpose = "the gateway's identifier"
  let content = await readPrivateFile(file, purpose)
  if (content === undefined) {
    await makePrivateDirectory(dirname(file), purpose)
    await createPrivateFile(file, Buffer.from(`${randomBytes(ID_BYTES).toString('hex')}\n`))
    content = await readPrivateFile(file, purpose)
  }
  const id = content?.toString('latin1').trim() ?? ''
  if (ID.test(id)) return id
  throw new HoopError('configuration', `Cannot use the gateway's identifier in "${file}": it is out of form`)
}
