#!/usr/bin/env node
import { runHoopd } from '../dist/src/main/hoopd.js'

await runHoopd(process.argv)
