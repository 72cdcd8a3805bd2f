import { isatty } from 'node:tty'
import { isEnding } from '../../scripts/install/ending.js'
import { Stopped } from './errors.js'
import { printHint } from './output.js'

/** A terminal that is closed hangs up. */
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
const PIPE_EXIT_CODE = 141

/** A launcher such as npx passes on a Ctrl-C that the terminal has sent already: two so close together are one. */
const SAME_SIGNAL_MS = 500

/** Of stdin, stdout and stderr, before one is closed. */
const TERMINALS = [0, 1, 2].filter(isatty)

/** How what runs now is asked to end. */
let stop: (reason: Stopped) => void = exitAtOnce
let insist: (reason: Stopped) => void = exitAtOnce

/**
 * Does work that a first SIGHUP, SIGINT or SIGTERM ends in good order, through the signal, and a second at once. The
 * signal's reason is a `Stopped`.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  onStop: () => void = () => {},
): Promise<T> {
  const controller = new AbortController()
  let since = 0
  stop = (reason) => {
    if (controller.signal.aborted) return
    since = performance.now()
    controller.abort(reason)
    if (reason.message !== '') onStop()
  }
  insist = (reason) => {
    if (!controller.signal.aborted) stop(reason)
    else if (performance.now() - since > SAME_SIGNAL_MS) exitAtOnce(reason)
  }
  try {
    return await work(controller.signal)
  } finally {
    stop = exitAtOnce
    insist = exitAtOnce
  }
}

/**
 * Has every command end at signals. Where nobody listens, the system ends a process by itself, but not process 1 of a
 * container. A setup that is under way has its turn first, and ends the programs that it runs before the process.
 */
export function endWithSignals(): void {
  for (const [name, exitCode] of Object.entries(EXIT_CODES)) {
    const end = () => {
      if (!isEnding()) insist(new Stopped(exitCode, `stopped by ${name}`))
    }
    process.on(name, () => setImmediate(end))
  }
}

/** A reader of the output that has seen enough (`| head`), or a closed terminal, ends the work without a word. */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      const gone = code === 'EPIPE' || code === 'EIO'
      const exitCode = Number(process.exitCode ?? PIPE_EXIT_CODE)
      stop(gone ? new Stopped(exitCode, '') : new Stopped(1, `error: could not print: ${message}`))
    })
  }
}

/** Ends the process; what was under way may compute on for a while, for nobody. */
export function exit(exitCode: number): never {
  if (TERMINALS.some((fd) => !isatty(fd))) {
    // Node.js crashes in its exit when it cannot reset its terminal. The hang-up itself ends the process as well.
    process.removeAllListeners('SIGHUP')
    process.kill(process.pid, 'SIGHUP')
  }
  process.exit(exitCode)
}

function exitAtOnce({ exitCode, message }: Stopped): void {
  if (message !== '') printHint(message)
  exit(exitCode)
}
