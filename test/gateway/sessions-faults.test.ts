import { describe, expect, test } from 'vitest'
import type { RecordingEvent } from '../../src/domain/event.js'
import type { Recorder } from '../../src/gateway/recordings/recorder.js'
import { HoopError } from '../../src/lib/hoop-error.js'
import type { Store } from '../../src/store/store.js'
import { ADA, ADDRESS, type FixtureOptions, grantFor, makeGateway, VERIFIER } from './gateway-fixture.js'

const DISK_FULL = new HoopError('recording_failed', 'Cannot record: no space is left for recordings')
const STORE_AWAY = new HoopError('store_unavailable', 'Cannot write: the store is away')

/** A recorder that works until the n-th thing asked of it, and from then on fails, as the real one does. */
class FailingRecorder implements Recorder {
  steps = 0
  closed = 0
  readonly events: RecordingEvent[] = []

  constructor(
    readonly failsAt: number,
    readonly isSlow = false,
  ) {}

  append(event: RecordingEvent): void {
    this.#step()
    this.events.push(event)
  }

  commit(): undefined | Promise<void> {
    if (!this.isSlow) {
      this.#step()
      return undefined
    }
    return Promise.resolve().then(() => this.#step())
  }

  async close(): Promise<string> {
    this.closed += 1
    this.#step()
    return 'head'
  }

  #step(): void {
    this.steps += 1
    if (this.steps >= this.failsAt) throw DISK_FULL
  }
}

async function open(options: FixtureOptions) {
  const gateway = await makeGateway(options)
  const { id: grant } = await grantFor(gateway, ADA)
  const opening = gateway.sessions.open(ADA, { grant, verifier: VERIFIER }, ADDRESS)
  return { gateway, grant, opening }
}

/** What is left of a session after it failed to open: nothing that lives. */
async function checkNothingLives({ gateway }: Pick<Awaited<ReturnType<typeof open>>, 'gateway'>) {
  await expect.poll(() => gateway.store.sessions.listOpen()).toEqual([])
  for (const { id } of await gateway.store.sessions.list({ limit: 10 })) {
    expect(gateway.sessions.find(id)).toBeUndefined()
  }
}

describe('a recorder that fails', () => {
  test('when it is opened leaves no session', async () => {
    const opened = await open({
      openRecorder: () => {
        throw DISK_FULL
      },
    })
    await expect(opened.opening).rejects.toBe(DISK_FULL)
    await checkNothingLives(opened)
  })

  test.each([
    { failsAt: 1, isSlow: false },
    { failsAt: 2, isSlow: false },
    { failsAt: 2, isSlow: true },
  ])(
    'at step $failsAt of the first event (slow: $isSlow) leaves no session and no open file',
    async options => {
      const recorder = new FailingRecorder(options.failsAt, options.isSlow)
      const opened = await open({ openRecorder: () => recorder })
      await expect(opened.opening).rejects.toBe(DISK_FULL)
      await checkNothingLives(opened)
      expect(recorder.closed).toBe(1)
    },
  )

  test.each([false, true])('later ends the session and closes its file (slow: %s)', async isSlow => {
    const recorder = new FailingRecorder(6, isSlow)
    const { gateway, opening } = await open({ openRecorder: () => recorder })
    const { id } = await opening
    const live = gateway.sessions.find(id) ?? expect.unreachable()
    await expect.poll(() => live.endReason, { timeout: 5_000 }).toBe('recorder_failed')
    expect(() => live.credential.secrets).toThrow('the session has ended')
    await checkNothingLives({ gateway })
    expect(recorder.closed).toBe(1)
    const [stored] = await gateway.store.sessions.list({ limit: 1 })
    expect(stored).toMatchObject({ endReason: 'recorder_failed', head: undefined })
  })

  test('at the very end leaves an end without a head, and says so in the log', async () => {
    const { gateway, opening } = await open({ openRecorder: () => new FailingClose() })
    const { id } = await opening
    gateway.sessions.find(id)?.end('client_closed')
    await checkNothingLives({ gateway })
    const [stored] = await gateway.store.sessions.list({ limit: 1 })
    expect(stored).toMatchObject({ endReason: 'client_closed', head: undefined })
    expect(gateway.lines.map(({ message }) => message)).toContain('a recording could not be closed')
  })
})

/** Takes everything and cannot make it last. */
class FailingClose implements Recorder {
  append(): void {}
  commit(): undefined {}
  close(): Promise<string> {
    return Promise.reject(DISK_FULL)
  }
}

describe('a store that fails', () => {
  /** The real store, but one method of it fails once a session is there. */
  const breaking = (broken: (store: Store) => Partial<Store>): FixtureOptions => ({
    breakStore: store => ({ ...store, ...broken(store) }),
  })

  test('while a session is opened leaves a recording that says it ended', async () => {
    const recorder = new FailingRecorder(Number.POSITIVE_INFINITY)
    const opened = await open({
      openRecorder: () => recorder,
      ...breaking(store => ({ sessions: { ...store.sessions, insert: () => Promise.reject(STORE_AWAY) } })),
    })
    await expect(opened.opening).rejects.toBe(STORE_AWAY)
    expect(recorder.events.map(({ kind }) => kind)).toEqual(['session', 'end'])
    expect(recorder.closed).toBe(1)
    await checkNothingLives(opened)
  })

  test('while a lost session gives its grant back keeps nothing from ending', async () => {
    const recorder = new FailingRecorder(Number.POSITIVE_INFINITY)
    const { gateway, opening } = await open({
      openRecorder: () => recorder,
      ...breaking(store => ({ grants: { ...store.grants, revoke: () => Promise.reject(STORE_AWAY) } })),
    })
    await opening
    gateway.clock.now += 16_000
    await checkNothingLives({ gateway })
    expect(recorder.closed).toBe(1)
    expect(gateway.lines.map(({ message }) => message)).toContain('a grant could not be given back')
  })

  test('at the end of a session keeps its recording from staying open, and the audit log has the end', async () => {
    const recorder = new FailingRecorder(Number.POSITIVE_INFINITY)
    const { gateway, opening } = await open({
      openRecorder: () => recorder,
      ...breaking(store => ({ sessions: { ...store.sessions, end: () => Promise.reject(STORE_AWAY) } })),
    })
    const { id } = await opening
    gateway.sessions.find(id)?.end('client_closed')
    await expect.poll(() => gateway.audited()).toContain(`session.ended ${id}`)
    expect(recorder.closed).toBe(1)
  })
})

describe('while a session is being opened', () => {
  /** Opens a session and does something in the moment in which its row is written. */
  async function openAnd(
    happens: (gateway: Awaited<ReturnType<typeof makeGateway>>, grant: string) => unknown,
  ) {
    let happen = (): unknown => undefined
    const opened = await open({
      breakStore: store => ({
        ...store,
        sessions: {
          ...store.sessions,
          insert: async session => {
            await store.sessions.insert(session)
            await happen()
          },
        },
      }),
    })
    // The first thing that opening does is to read the grant, so there is time to say what is to happen.
    happen = () => happens(opened.gateway, opened.grant)
    return opened
  }

  test('a grant that is revoked opens nothing', async () => {
    const opened = await openAnd((gateway, grant) =>
      gateway.fetch('DELETE', `/v1/grants/${grant}`, { as: ADA }),
    )
    await expect(opened.opening).rejects.toMatchObject({ code: 'grant_ended' })
    await checkNothingLives(opened)
  })

  test('a grant that ends opens nothing', async () => {
    const opened = await openAnd(gateway => {
      gateway.clock.now += 3_600_000
    })
    await expect(opened.opening).rejects.toMatchObject({ code: 'grant_ended' })
    await checkNothingLives(opened)
  })

  test('a gateway that is told to stop opens nothing, and waits for it to be gone', async () => {
    let drained: Promise<void> | undefined
    const opened = await openAnd(gateway => {
      drained = gateway.sessions.drain()
    })
    const failed = expect(opened.opening).rejects.toMatchObject({ code: 'gateway_unavailable' })
    await failed
    await drained
    expect(await opened.gateway.store.sessions.listOpen()).toEqual([])
  })
})
