import { parentPort } from 'node:worker_threads'
import { loadPostgresGrammar } from '../../sql/postgres/grammar.js'
import { readPostgresTextGuarded } from '../../sql/postgres/read-text.js'
import type { ParserAnswer, ParserQuestion } from './parser-cage.js'

/** Inside the cage: one text in, its facts out, on a stack of its own. Anything thrown here ends the thread. */
const port = parentPort
if (port !== null) {
  await loadPostgresGrammar()
  port.on('message', (question: ParserQuestion) => {
    const answer: ParserAnswer = {
      kind: 'read',
      number: question.number,
      ...readPostgresTextGuarded(question.text),
    }
    port.postMessage(answer)
  })
  const ready: ParserAnswer = { kind: 'ready' }
  port.postMessage(ready)
}
