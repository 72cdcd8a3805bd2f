import { Stopped } from './errors.js'
import { printHint } from './output.js'

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const
const PIPE_EXIT_CODE = 141

/** A launcher such as npx passes on a Ctrl-C that the terminal has sent already: two so close together are one. */
const SAME_SIGNAL_MS = 500

/** How what runs now is asked to end. */
let stop: (reason: Stopped) => void = exitAtOnce

/**
 * Does work that a first SIGINT or SIGTERM ends in good order, through the signal, and a second at once. The signal's
 * reason is a `Stopped`.
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
  const onSignal = (name: 'SIGINT' | 'SIGTERM') => {
    const reason = new Stopped(EXIT_CODES[name], `stopped by ${name}`)
    if (!controller.signal.aborted) stop(reason)
    else if (performance.now() - since > SAME_SIGNAL_MS) exitAtOnce(reason)
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    return await work(controller.signal)
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    stop = exitAtOnce
  }
}

/** A reader of the output that has seen enough (`| head`) ends the work without a word. */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      const gone = code === 'EPIPE'
      stop(gone ? new Stopped(PIPE_EXIT_CODE, '') : new Stopped(1, `error: could not print: ${message}`))
    })
  }
}

function exitAtOnce({ exitCode, message }: Stopped): void {
  if (message !== '') printHint(message)
  process.exit(exitCode)
}
