import type { RandomBytes } from '../domain/ids.js'
import type { LoopbackVerifier } from '../domain/session.js'

/** The per-session secret of a loopback listener, and the form in which the gateway can check it. */
export interface LoopbackSecret {
  readonly secret: string
  readonly verifier: LoopbackVerifier
}

/** How a protocol's own tools are started. Pure; `src/client` writes the files and spawns. */
export interface Launcher {
  makeSecret(randomBytes: RandomBytes): LoopbackSecret
  plan(endpoint: LoopbackEndpoint): LaunchPlan
}

/** Where a session's listener is, from the same machine. */
export interface LoopbackEndpoint {
  readonly connection: string
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly secret: string
  /** A private directory (0700) that is removed afterwards; the plan's files go there. */
  readonly directory: string
}

export interface LaunchPlan {
  /** The program that `hoop connect` starts, and the Debian package that has it. */
  readonly program: string
  readonly package: string
  /** INVARIANT: no secret in here; arguments are readable by everyone on the machine. */
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Variables of the caller's that the program must not see: they would lead it elsewhere. */
  readonly removeEnvironment: readonly string[]
  /** Files to write with mode 0600, by their absolute path. */
  readonly files: Readonly<Record<string, string>>
  /** What a person pastes into a GUI tool: host, port, user, password, database. */
  readonly profile: Readonly<Record<string, string | number>>
}
