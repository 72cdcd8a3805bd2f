import type { PoolProgress } from '../index.js'
import { Stopped } from './errors.js'
import { NO_PROGRESS, startProgress } from './progress.js'
import { several } from './words.js'

/**
 * Follows paths under a progress bar, and what is searched for before. Where a signal ends them, the message says what
 * there is then.
 * @param thing what a path belongs to: `sample`
 * @param left what a signal leaves
 */
export async function follow<T>(
  thing: string,
  json: boolean | undefined,
  work: (
    onProgress: (progress: Pick<PoolProgress, 'finished' | 'count' | 'fraction' | 'evaluations'>) => void,
    onSearch: (fraction: number, what: string) => void,
  ) => Promise<T>,
  left: () => string = () => 'nothing was written',
): Promise<T> {
  const progress = json ? NO_PROGRESS : startProgress()
  try {
    return await work(
      ({ finished, count, fraction, evaluations }) =>
        progress.update(
          fraction,
          `${finished} of ${several(count, thing)}, ${Math.round(evaluations / count)} evaluations each so far`,
        ),
      (fraction, what) => progress.update(fraction, `once for this model: ${what}`),
    )
  } catch (error) {
    if (!(error instanceof Stopped) || error.message === '') throw error
    throw new Stopped(error.exitCode, `${error.message}: ${left()}`)
  } finally {
    progress.end()
  }
}
