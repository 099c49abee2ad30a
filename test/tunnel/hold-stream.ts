import { dialGateway } from '../../src/tunnel/dial.js'

/** A client of its own process: opens one stream and holds it, until somebody ends the process. */
const [url = '', caFile] = process.argv.slice(2)
const peer = await dialGateway({ url, caFile, env: {} })
await peer.open('/hold', {})
console.log('held')
