import { expectPath, unexpected } from '../check.js'
import { writeWhole } from '../files/whole-file.js'
import { native } from './native.js'

/** Spans of a chunk of the file. */
const CHUNK = 10_000

/**
 * Records where the time goes while work is done, in the whole process: evaluations, training steps, and the convolutions
 * and other operations that they are made of, on the threads that do them. A million spans at most are kept, about 100 MB.
 * @param path of the trace that is written at the end, also where the work fails: JSON that Perfetto
 *   (https://ui.perfetto.dev) and chrome://tracing open
 * @returns what the work returns
 * @throws RangeError where a profile is being recorded already
 */
export async function profile<T>(path: string, work: () => T | PromiseLike<T>): Promise<Awaited<T>> {
  expectPath('path', path)
  if (typeof work !== 'function') throw new TypeError(unexpected('work', 'a function', work))
  startProfile()
  let result: Awaited<T>
  try {
    result = await work()
  } catch (error) {
    await writeProfile(path).catch(() => {}) // the work's error says more
    throw error
  }
  await writeProfile(path)
  return result
}

/** Recording begins, where none is under way. */
export function startProfile(): void {
  if (!native().startProfile())
    throw new RangeError('Expected one profile at a time: another is being recorded')
}

/** Recording ends, with a file. */
export async function writeProfile(path: string): Promise<void> {
  const { names, threads, times, leftOut } = native().stopProfile()
  const events: string[] = []
  const chunks: Uint8Array[] = []
  const flush = () => {
    chunks.push(Buffer.from(events.join(',\n')))
    events.length = 0
  }
  for (const [i, name] of names.entries()) {
    const [ts, dur, tid] = [times[2 * i]!, times[2 * i + 1]!, threads[i]!]
    events.push(JSON.stringify({ name, ph: 'X', ts, dur, pid: process.pid, tid }))
    if (events.length < CHUNK || i + 1 === names.length) continue
    events.push('') // for the comma
    flush()
  }
  flush()
  const end = `\n],"displayTimeUnit":"ms","otherData":{"leftOut":${leftOut}}}\n`
  await writeWhole(path, [Buffer.from('{"traceEvents":[\n'), ...chunks, Buffer.from(end)])
}
