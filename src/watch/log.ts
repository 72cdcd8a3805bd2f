import { type FileHandle, open } from 'node:fs/promises'
import type { LogPart, LogPoint } from './answers.js'

/** Of a log that is read at a time. */
const PART_BYTES = 2 ** 20
/** Of its end, where the newest line lies. */
const TAIL_BYTES = 2 ** 13

const LINE_FEED = 10

/** What names a file apart from a later one at its path. */
export const idOf = ({ ino, birthtimeMs }: { ino: number; birthtimeMs: number }): string =>
  `${ino}-${Math.trunc(birthtimeMs)}`

/**
 * The lines of a log from an offset on, as many as a part holds. One that is not whole yet is left to the next part, and
 * what is no line of a log is passed over.
 * @param from a byte; what begins in the middle of a line begins with the next one
 */
export async function readLog(path: string, from: number): Promise<Omit<LogPart, 'id'>> {
  const file = await openedLog(path)
  if (!file) return { from: 0, next: 0, points: [] }
  try {
    const { size } = await file.stat()
    const begin = from > size ? 0 : from
    const bytes = await bytesOf(file, begin, Math.min(PART_BYTES, size - begin))
    const end = bytes.lastIndexOf(LINE_FEED) + 1
    // A line longer than a part is none that a training wrote.
    const taken = end === 0 && bytes.length === PART_BYTES ? bytes.length : end
    return { from: begin, next: begin + taken, points: pointsOf(bytes.subarray(0, end)) }
  } finally {
    await file.close()
  }
}

/** The newest whole line of a log, and what of it is a point; how long the log is, and when it was written to. */
export async function readTail(
  path: string,
): Promise<{ size: number; time: number; last: Readonly<Record<string, unknown>> | undefined }> {
  const file = await openedLog(path)
  if (!file) return { size: 0, time: 0, last: undefined }
  try {
    const { size, mtimeMs } = await file.stat()
    const begin = Math.max(0, size - TAIL_BYTES)
    const bytes = await bytesOf(file, begin, size - begin)
    const lines = linesOf(bytes.subarray(0, bytes.lastIndexOf(LINE_FEED) + 1))
    return { size, time: mtimeMs, last: lines.at(-1) }
  } finally {
    await file.close()
  }
}

/** Undefined where there is none, as before a run's tenth step. */
const openedLog = (path: string): Promise<FileHandle | undefined> => open(path).catch(() => undefined)

async function bytesOf(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from)
  return buffer.subarray(0, bytesRead)
}

function linesOf(bytes: Buffer): Record<string, unknown>[] {
  return bytes
    .toString()
    .split('\n')
    .flatMap((line) => {
      try {
        const value: unknown = JSON.parse(line)
        return typeof value === 'object' && value !== null && Number.isSafeInteger(Object(value).step)
          ? [value as Record<string, unknown>]
          : []
      } catch {
        return []
      }
    })
}

const pointsOf = (bytes: Buffer): LogPoint[] =>
  linesOf(bytes).flatMap((line) => {
    const values = valuesOf(line)
    return Object.keys(values).length > 0 ? [{ step: line.step as number, values }] : []
  })

/** What pages show of a line. */
function valuesOf({ type, distance, ...line }: Record<string, unknown>): Record<string, number> {
  const { value, frechet } = Object(distance)
  const named =
    type === 'step'
      ? {
          loss: line.loss,
          gradientNorm: line.gradientNorm,
          learningRate: line.learningRate,
          imagesPerSecond: line.imagesPerSecond,
        }
      : { validationLoss: line.validationLoss, energyDistance: value, frechetDistance: frechet }
  return Object.fromEntries(
    Object.entries(named).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
  )
}
