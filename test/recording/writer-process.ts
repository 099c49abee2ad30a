import { writeSync } from 'node:fs'
import { readSessionId } from '../../src/domain/ids.js'
import { openRecorder } from '../../src/gateway/recordings/file-recorder.js'
import { SESSION_EVENT } from './events.js'

/** Records statements as fast as it can until it is killed, and tells on stdout how many were committed. */
const [, , directory = '', name = ''] = process.argv
const session = readSessionId(name)
if (session === undefined) throw new Error('a session is expected')
const recorder = openRecorder({
  directory,
  session,
  clock: () => new Date(),
  monotonic: () => performance.now(),
  // Half of a line, then the rest, so that a kill can come between them.
  write: (descriptor, bytes, offset, length) => writeSync(descriptor, bytes, offset, Math.ceil(length / 2)),
})
recorder.append({ ...SESSION_EVENT, session })
recorder.commit()
for (let operation = 1; ; operation += 1) {
  const statement = `SELECT ${operation} -- ${'x'.repeat(2000)}`
  const decision = { kind: 'allow', rule: undefined } as const
  recorder.append({ kind: 'operation', client: 1, operation, statement, decision, verbs: [], tables: [] })
  recorder.commit()
  writeSync(1, `${operation}\n`)
}
