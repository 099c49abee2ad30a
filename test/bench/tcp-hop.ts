import { connect, createServer } from 'node:net'

// A program of its own: listens on a free port, says which, and pipes every connection to the port it was given. It
// ends when its input does. This is what a hop costs in Node when nothing is read, judged, recorded or encrypted.
const port = Number(process.argv[2])

const server = createServer({ noDelay: true }, near => {
  const far = connect({ host: '127.0.0.1', port, noDelay: true })
  near.pipe(far)
  far.pipe(near)
  near.on('error', () => far.destroy())
  far.on('error', () => near.destroy())
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`)
})
process.stdin.resume().once('end', () => process.exit(0))
