import { Args, Flags } from '@oclif/core'
import { describeReport } from '../../src/client/describe-report.js'
import { HoopCommand } from '../../src/client/hoop-command.js'
import { readRecording, type VerifyReport } from '../../src/client/session-recording.js'

export default class SessionsVerify extends HoopCommand {
  static override summary = 'Check the chain of a recording: says what is missing, altered, reordered or cut.'
  static override description =
    'With --file the check needs no gateway. The exit code is 65 when something was found.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> s-0123456789abcdef',
    '<%= config.bin %> <%= command.id %> --file recording.jsonl',
  ]
  static override args = { id: Args.string({ description: 'the session, see "hoop sessions list"' }) }
  static override flags = {
    file: Flags.string({ description: 'an exported recording instead of a session' }),
  }
  static override enableJsonFlag = true

  async run(): Promise<VerifyReport> {
    const { args, flags } = await this.parse(SessionsVerify)
    const report = await readRecording(await this.recordingSource(args.id, flags.file), () => {})
    this.log(describeReport(report))
    if (!report.ok) process.exitCode = 65
    return report
  }
}
