import { availableParallelism } from 'node:os'

/** Files open at a time; decoding one is small work, so a few keep the cores busy. */
const MAX_PARALLEL = 8

/** Runs a task for each index, a bounded number at a time; the first failure or the signal stops the rest. */
export async function inParallel(
  begin: number,
  end: number,
  signal: AbortSignal | undefined,
  task: (index: number) => Promise<void>,
): Promise<void> {
  let next = begin
  const work = async (): Promise<void> => {
    while (next < end) {
      signal?.throwIfAborted()
      try {
        await task(next++)
      } catch (error) {
        next = end
        throw error
      }
    }
  }
  const workers = Math.min(MAX_PARALLEL, availableParallelism(), end - begin)
  const outcomes = await Promise.allSettled(Array.from({ length: Math.max(0, workers) }, work))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
