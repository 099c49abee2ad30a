import { Worker } from 'node:worker_threads'
import type { TextFacts } from '../../domain/facts.js'
import type { Reading } from '../../sql/postgres/read-text.js'

/** What goes into the cage. The number keeps an answer from being taken for that of another text. */
export interface ParserQuestion {
  readonly number: number
  readonly text: string
}

/** What comes out of the cage. */
export type ParserAnswer =
  | { readonly kind: 'ready' }
  | ({ readonly kind: 'read'; readonly number: number } & Reading)

/** The worker's stack. 130 000 terms of `a+a+…` fit, where the default stack ends at 7 000. */
const STACK_MEGABYTES = 64
/** The worker's heap for JavaScript objects; beyond it the thread ends and the text is not understood. */
const HEAP_MEGABYTES_MAX = 512
/** Texts that wait at once, and their UTF-16 units together. More are not understood rather than queued for ever. */
const QUEUE_LENGTH_MAX = 64
const QUEUE_UNITS_MAX = 32 * 1024 * 1024
/** How long the thread may take until it is ready: 50 ms on an idle machine. */
const START_TIMEOUT_MS = 10_000
/** How long one text may take: a megabyte of INSERT takes 80 ms. */
const TEXT_TIMEOUT_MS = 5_000
/** Texts after which a healthy worker is replaced, so that whatever leaks stays small. */
const TEXTS_PER_WORKER_MAX = 10_000
const BUSY = 'the parser is busy'

/** Limits of a cage; the defaults are those of production. */
export interface ParserCageOptions {
  /** Where the compiled worker is. */
  readonly workerUrl?: URL
  readonly textTimeoutMs?: number
  readonly queueLengthMax?: number
  readonly textsPerWorkerMax?: number
}

interface Waiting {
  readonly text: string
  readonly answer: (facts: TextFacts) => void
}

interface Running {
  readonly worker: Worker
  /** False until the grammar is loaded. */
  ready: boolean
  texts: number
  timer: NodeJS.Timeout | undefined
}

/**
 * Reads texts that could break the parser, in a thread where a break is noticed. One text at a time; an overflow, a
 * crash, too much memory or too much time ends the thread, and its text is not understood (INVARIANT 2). The next text
 * gets a new thread. The thread starts with the first text and does not keep the process alive.
 */
export class ParserCage {
  readonly #options: Required<ParserCageOptions>
  readonly #queue: Waiting[] = []
  #queuedUnits = 0
  #running: Running | undefined
  /** The text that the worker has now. */
  #asked: Waiting | undefined
  #number = 0
  #recycled = 0
  #closed = false

  constructor(options: ParserCageOptions = {}) {
    this.#options = {
      workerUrl: options.workerUrl ?? new URL('./parser-worker.js', import.meta.url),
      textTimeoutMs: options.textTimeoutMs ?? TEXT_TIMEOUT_MS,
      queueLengthMax: options.queueLengthMax ?? QUEUE_LENGTH_MAX,
      textsPerWorkerMax: options.textsPerWorkerMax ?? TEXTS_PER_WORKER_MAX,
    }
  }

  /** Texts given to a worker so far. */
  get parsed(): number {
    return this.#number
  }

  /** Workers replaced so far, for the gateway's metrics. */
  get recycled(): number {
    return this.#recycled
  }

  /** Reads one text. Never rejects: what cannot be read in time and in order is not understood. */
  read(text: string): Promise<TextFacts> {
    if (this.#closed) return Promise.resolve(refused('the parser has been shut down'))
    const full =
      this.#queue.length >= this.#options.queueLengthMax || this.#queuedUnits + text.length > QUEUE_UNITS_MAX
    if (full) return Promise.resolve(refused(BUSY))
    return new Promise(answer => {
      this.#queue.push({ text, answer })
      this.#queuedUnits += text.length
      this.#askNext()
    })
  }

  /** Ends the thread. What waits is not understood. */
  async close(): Promise<void> {
    this.#closed = true
    const worker = this.#running?.worker
    this.#forget('the parser has been shut down')
    for (const waiting of this.#queue.splice(0)) waiting.answer(refused('the parser has been shut down'))
    this.#queuedUnits = 0
    await worker?.terminate()
  }

  #askNext(): void {
    if (this.#asked !== undefined || this.#queue.length === 0 || this.#closed) return
    this.#running ??= this.#start()
    const running = this.#running
    if (!running.ready) return
    const next = this.#queue.shift()
    if (next === undefined) return
    this.#queuedUnits -= next.text.length
    this.#asked = next
    this.#number += 1
    running.texts += 1
    running.timer = this.#watch(running, this.#options.textTimeoutMs, 'reading it took too long')
    const question: ParserQuestion = { number: this.#number, text: next.text }
    running.worker.postMessage(question)
  }

  #start(): Running {
    const worker = new Worker(this.#options.workerUrl, {
      resourceLimits: { stackSizeMb: STACK_MEGABYTES, maxOldGenerationSizeMb: HEAP_MEGABYTES_MAX },
      // Texts are what people type: the thread needs nothing of the process, so it is given nothing.
      env: {},
      execArgv: [],
      stdout: true,
      stderr: true,
    })
    // What the parser prints about itself is of no use, and must not pile up.
    worker.stdout.resume()
    worker.stderr.resume()
    worker.unref()
    const running: Running = { worker, ready: false, texts: 0, timer: undefined }
    running.timer = this.#watch(running, START_TIMEOUT_MS, 'the parser did not start')
    worker.on('message', (answer: ParserAnswer) => this.#take(running, answer))
    worker.on('error', () => this.#replace(running, 'the parser failed on it'))
    worker.on('exit', () => this.#replace(running, 'the parser failed on it'))
    return running
  }

  #watch(running: Running, timeoutMs: number, reason: string): NodeJS.Timeout {
    return setTimeout(() => this.#replace(running, reason), timeoutMs)
  }

  #take(running: Running, answer: ParserAnswer): void {
    if (running !== this.#running) return
    clearTimeout(running.timer)
    if (answer.kind === 'ready') running.ready = true
    else if (answer.number !== this.#number || this.#asked === undefined) {
      // An answer nobody waits for: fail closed.
      this.#replace(running, 'the parser answered out of turn')
      return
    } else {
      const { answer: give } = this.#asked
      this.#asked = undefined
      give(answer.facts)
      if (answer.damaged || running.texts >= this.#options.textsPerWorkerMax) {
        this.#replace(running, 'the parser was replaced')
      }
    }
    this.#askNext()
  }

  /** Gives up a worker: the text it has is not understood, the others get the next worker. */
  #replace(running: Running, reason: string): void {
    if (running !== this.#running) return
    this.#recycled += 1
    const started = running.ready
    this.#forget(reason)
    void running.worker.terminate()
    // A worker that never started would not start for the next text either: nobody waits in vain.
    if (!started) for (const waiting of this.#queue.splice(0)) waiting.answer(refused(reason))
    if (!started) this.#queuedUnits = 0
    this.#askNext()
  }

  #forget(reason: string): void {
    clearTimeout(this.#running?.timer)
    this.#running = undefined
    const asked = this.#asked
    this.#asked = undefined
    asked?.answer(refused(reason))
  }
}

function refused(reason: string): TextFacts {
  return { understood: false, reason }
}
