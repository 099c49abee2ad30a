import { once } from 'node:events'
import { Args, Flags } from '@oclif/core'
import { describeReport } from '../../src/client/describe-report.js'
import { EXPORT_FORMATS, exportRecording } from '../../src/client/export-recording.js'
import { HoopCommand } from '../../src/client/hoop-command.js'

export default class SessionsExport extends HoopCommand {
  static override summary =
    'Write a recording to stdout: jsonl is the evidence itself, csv and text are for reading.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> s-0123456789abcdef > recording.jsonl',
    '<%= config.bin %> <%= command.id %> s-0123456789abcdef --format csv',
  ]
  static override args = { id: Args.string({ description: 'the session, see "hoop sessions list"' }) }
  static override flags = {
    file: Flags.string({ description: 'an exported recording instead of a session' }),
    format: Flags.option({ description: 'the form', options: EXPORT_FORMATS, default: 'jsonl' as const })(),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(SessionsExport)
    const report = await exportRecording({
      source: await this.recordingSource(args.id, flags.file),
      format: flags.format,
      write: async piece => {
        if (!process.stdout.write(piece)) await once(process.stdout, 'drain')
      },
    })
    this.tell(`the recording is ${describeReport(report)}`)
    if (!report.ok) this.exit(65)
  }
}
