import { HoopError } from '../../lib/hoop-error.js'

export interface TurnsOptions {
  /** At once, for one name. */
  readonly runningMax: number
  /** Behind those, for one name. */
  readonly waitingMax: number
}

interface Line {
  running: number
  readonly waiting: (() => void)[]
}

/** Lets only so many things happen at once under one name; the others wait in a line that has an end. */
export class Turns {
  readonly #lines = new Map<string, Line>()

  constructor(readonly options: TurnsOptions) {}

  /** Runs `task` when it is its turn. Fails with `limit_exceeded` when too many wait already. */
  async take<Value>(name: string, task: () => Promise<Value>): Promise<Value> {
    const line = this.#lines.get(name) ?? { running: 0, waiting: [] }
    this.#lines.set(name, line)
    if (line.running >= this.options.runningMax) await this.#wait(name, line)
    else line.running += 1
    try {
      return await task()
    } finally {
      const next = line.waiting.shift()
      // Whoever waited takes over the place, so that nobody slips in between.
      if (next !== undefined) next()
      else line.running -= 1
      if (line.running === 0) this.#lines.delete(name)
    }
  }

  #wait(name: string, line: Line): Promise<void> {
    if (line.waiting.length >= this.options.waitingMax) {
      throw new HoopError(
        'limit_exceeded',
        `Cannot reach the target of "${name}": too many wait for it already`,
      )
    }
    return new Promise(resolve => line.waiting.push(resolve))
  }
}
