import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { dataError, fileError, lookAt } from '../../files/read.js'
import type { OnReading } from '../decode-all.js'

const CHUNK = 2 ** 20

/**
 * Tells the content of files, and how they are read, from every other: half a SHA-256, in hexadecimal.
 * @param how what decoding depends on
 */
export async function keyOf(
  paths: readonly string[],
  how: object,
  onProgress: OnReading | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const sizes: number[] = []
  for (const path of paths) sizes.push(await sizeOf(path))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const hash = createHash('sha256').update(JSON.stringify({ ...how, sizes }))
  let done = 0
  for (const path of paths) {
    try {
      for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
        signal?.throwIfAborted()
        hash.update(chunk)
        done += chunk.length
        onProgress?.(done, Math.max(done, total), 'bytes')
      }
    } catch (cause) {
      throw signal?.aborted ? cause : fileError(path, 'a file', cause)
    }
  }
  return hash.digest('hex').slice(0, 32)
}

async function sizeOf(path: string): Promise<number> {
  const stats = await lookAt(path)
  if (stats === undefined) throw dataError(path, 'a file', 'nothing: there is no such path')
  if (!stats.isFile()) throw dataError(path, 'a file', stats.isDirectory() ? 'a folder' : 'no regular file')
  return stats.size
}
