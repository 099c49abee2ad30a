import { Args, Flags } from '@oclif/core'
import { describeReport } from '../../src/client/describe-report.js'
import { HoopCommand } from '../../src/client/hoop-command.js'
import { replay } from '../../src/client/replay.js'
import { readSpeed } from '../../src/client/session-recording.js'

export default class SessionsReplay extends HoopCommand {
  static override summary = 'Play a session again, at its own pace on a terminal, at once otherwise.'
  static override description =
    'What was recorded cannot act on your terminal: every control character is shown, none is obeyed.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> s-0123456789abcdef',
    '<%= config.bin %> <%= command.id %> s-0123456789abcdef --speed 4',
    '<%= config.bin %> <%= command.id %> --file recording.jsonl',
  ]
  static override args = { id: Args.string({ description: 'the session, see "hoop sessions list"' }) }
  static override flags = {
    file: Flags.string({ description: 'an exported recording instead of a session' }),
    speed: Flags.string({ description: 'how many times faster, 0 for at once', default: '1' }),
    'pause-max': Flags.integer({ description: 'the longest pause, in seconds', default: 2, min: 0 }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SessionsReplay)
    const isTerminal = process.stdout.isTTY === true
    const report = await replay({
      source: await this.recordingSource(args.id, flags.file),
      speed: isTerminal ? readSpeed(flags.speed) : 0,
      pauseMsMax: flags['pause-max'] * 1000,
      widthMax: isTerminal ? process.stdout.columns : undefined,
      write: line => process.stdout.write(`${line}\n`),
    })
    this.tell(`the recording is ${describeReport(report)}`)
    if (!report.ok) this.exit(65)
  }
}
