import { approveDeviceCode, type OpenIdProvider, type ProviderAccount } from '../setup/openid-provider.js'
import type { Narrator } from './narrator.js'
import { type Reply, runOnTerminal, runPiped, type Shown } from './terminal.js'

/** What a command has to do, or the demo fails. */
export interface Expectation {
  /** 0 unless said otherwise. */
  readonly code?: number
  readonly shows?: readonly (string | RegExp)[]
  readonly hides?: readonly (string | RegExp)[]
}

export interface PersonOptions {
  readonly narrator: Narrator
  readonly env: NodeJS.ProcessEnv
  readonly directory: string
  /** What must never be shown to this person, whatever they do. */
  readonly unseen: readonly string[]
}

/** Somebody at a terminal of their own. Each command is told, run, and held against what it has to do. */
export class Person {
  readonly #options: PersonOptions

  constructor(options: PersonOptions) {
    this.#options = options
  }

  /** Types a command and waits for its end. */
  async run(command: string, expected: Expectation = {}): Promise<Shown> {
    return this.interact(command, [], expected)
  }

  /** Types a command, and at its prompts the replies. */
  async interact(command: string, replies: readonly Reply[], expected: Expectation = {}): Promise<Shown> {
    this.#options.narrator.command(command)
    return this.#held(command, await runOnTerminal(command, this.#terminal(), replies), expected)
  }

  /** Signs in. The browser's part is played: the code is compared, the account's password typed. */
  async login(provider: OpenIdProvider, account: ProviderAccount): Promise<Shown> {
    const command = 'hoop login --no-browser'
    const { narrator } = this.#options
    narrator.command(command)
    let approved: Promise<void> | undefined
    const approve = (line: string): void => {
      const code = /your code: ([A-Z0-9-]+)/.exec(line)?.[1]
      if (code !== undefined) approved = approveDeviceCode(provider, code, account)
      if (line.startsWith('hoop: open '))
        narrator.say(`the browser's part is played: ${account.email} compares the code and signs in`)
    }
    const shown = await runPiped(command, this.#terminal(), approve)
    await approved
    return this.#held(command, shown, { shows: [/your code: /, `logged in as ${account.email}`] })
  }

  #terminal(): { env: NodeJS.ProcessEnv; directory: string; show: (text: string) => void } {
    const { env, directory, narrator } = this.#options
    return { env, directory, show: text => narrator.show(text) }
  }

  #held(command: string, shown: Shown, { code = 0, shows = [], hides = [] }: Expectation): Shown {
    const wrong = [
      ...(shown.code === code ? [] : [`it ended with ${shown.code}, not with ${code}`]),
      ...shows.filter(one => !holds(shown.text, one)).map(one => `it did not show ${String(one)}`),
      ...[...hides, ...this.#options.unseen]
        .filter(one => holds(shown.text, one))
        .map(one => `it showed ${String(one)}, which must not be seen`),
    ]
    if (wrong.length > 0) throw new Error(`"${command}" did not do what it should: ${wrong.join('; ')}`)
    return shown
  }
}

function holds(text: string, one: string | RegExp): boolean {
  return typeof one === 'string' ? text.includes(one) : one.test(text)
}
