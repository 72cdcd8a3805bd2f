import type { OnProgress, ProgressEvent } from '../../scripts/install/setup.js'
import { printHint } from './output.js'
import { type Progress, startProgress } from './progress.js'
import { bytes } from './words.js'

/**
 * Shows the steps of a setup: those that can be measured as a bar each, the others as a line.
 * @internal
 */
export async function withSetupProgress<T>(work: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  let message = ''
  let progress: Progress | undefined
  try {
    return await work((event) => {
      if (event.message !== message) {
        progress?.end()
        message = event.message
        progress = event.total ? startProgress() : undefined
        if (!progress) printHint(`${message} …`)
      }
      if (event.total) progress?.update((event.done ?? 0) / event.total, describe(event))
    })
  } finally {
    progress?.end()
  }
}

function describe({ message, done = 0, total = 0, unit }: ProgressEvent): string {
  return unit === 'bytes' ? `${message}: ${bytes(done)} of ${bytes(total)}` : message
}
