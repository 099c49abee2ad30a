import { readFileSync } from 'node:fs'

/** Ticks of `/proc` in a second: fixed on Linux, whatever the kernel's own rate is. */
const TICKS_PER_SECOND = 100

/** Processor time that a process has used so far, all its threads, in seconds. See proc(5). */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is a name in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Resident memory of a process now, in bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1] ?? Number.NaN) * 1024
}

/** Watches the resident memory of a process; `stop` gives the most that was seen, in bytes. */
export function watchMemory(pid: number): { readonly stop: () => number } {
  let most = residentBytes(pid)
  const look = (): void => {
    most = Math.max(most, residentBytes(pid))
  }
  const timer = setInterval(look, 50)
  return {
    stop: () => {
      clearInterval(timer)
      look()
      return most
    },
  }
}
