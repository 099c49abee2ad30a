import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('./tcp-hop.ts', import.meta.url))

/** Bare TCP relays in a row, each a process of its own. */
export interface TcpHops {
  /** Where the first one listens. */
  readonly port: number
  stop(): void
}

/** Starts `count` relays that lead to `targetPort`. */
export async function startTcpHops(targetPort: number, count: number): Promise<TcpHops> {
  const hops: ChildProcess[] = []
  let port = targetPort
  for (let hop = 0; hop < count; hop += 1) {
    const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, String(port)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    hops.push(child)
    port = await firstNumber(child)
  }
  return {
    port,
    stop: () => {
      for (const hop of hops) hop.stdin?.end()
    },
  }
}

function firstNumber(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return reject(new Error('the relay has no output'))
    createInterface({ input: child.stdout }).once('line', line => resolve(Number(line)))
    child.once('exit', () => reject(new Error('the relay ended')))
  })
}
