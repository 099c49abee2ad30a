#!/usr/bin/env node
import { readVersion } from '../dist/src/main/version.js'

// Scripts ask for the version before each use, and the answer needs none of what commands are made of.
if (process.argv.length === 3 && process.argv[2] === '--version') {
  const { platform, arch, version } = process
  process.stdout.write(`hoop/${readVersion()} ${platform}-${arch} node-${version}\n`)
} else {
  const { execute } = await import('@oclif/core')
  await execute({ dir: import.meta.url })
}
