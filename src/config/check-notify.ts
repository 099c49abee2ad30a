import { checkDistinct } from './check-config.js'
import type { HoopShape } from './hoop-schema.js'
import type { ConfigProblem } from './problem.js'
import type { YamlSource } from './yaml-source.js'

const TARGETS = ['webhook', 'slack', 'email'] as const
/** What two mailboxes, or a header, are made of: the address itself holds none of these. */
const NO_ADDRESS = /[\s,;<>"\\]|^[^@]*$|@.*@/

/** What only a whole entry of `notify` shows. */
export function checkNotify(shape: HoopShape, source: YamlSource): readonly ConfigProblem[] {
  return [
    ...checkDistinct(shape.notify, ['notify'], source),
    ...shape.notify.flatMap((channel, index) => checkChannel(channel, index, source)),
  ]
}

function checkChannel(
  channel: HoopShape['notify'][number],
  index: number,
  source: YamlSource,
): readonly ConfigProblem[] {
  const path = ['notify', index]
  if (TARGETS.filter(kind => channel[kind] !== undefined).length !== 1) {
    const why = `"notify[${index}]" cannot be read: expected one of webhook, slack or email`
    return [source.problemAt(path, why)]
  }
  const { email } = channel
  if (email === undefined) return []
  const inEmail = [...path, 'email']
  const problems = [
    ...(NO_ADDRESS.test(email.from)
      ? [source.problemAt([...inEmail, 'from'], '"from" cannot be used: expected one e-mail address')]
      : []),
    ...email.to.flatMap((address, at) =>
      NO_ADDRESS.test(address)
        ? [source.problemAt([...inEmail, 'to', at], '"to" cannot be used: expected e-mail addresses')]
        : [],
    ),
  ]
  if ((email.user === undefined) !== (email.password === undefined))
    problems.push(source.problemAt(inEmail, '"email" cannot be used: expected user and password, or neither'))
  // A password in the clear is everybody's on the way.
  if (email.tls === 'none' && email.user !== undefined)
    problems.push(
      source.problemAtKey(inEmail, 'tls', '"tls" cannot be none with a password: expected starttls'),
    )
  return problems
}
