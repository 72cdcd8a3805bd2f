import { type FileHandle, open, rename, rm, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { CACHE_FIX } from '../../../scripts/install/cache.js'
import { PfgmError } from '../../errors.js'
import { readBytes, reason } from '../../files/read.js'
import { sync } from '../../files/sync.js'
import { writeWhole } from '../../files/whole-file.js'
import { MAX_NAMED } from '../broken.js'

/** How far a file of decoded images is. */
export const PROGRESS = z.object({
  /** Images that were looked at, whole or broken. */
  next: z.number().int().nonnegative(),
  whole: z.number().int().nonnegative(),
  /** Of the first whole image, which the others have to have; 0 before there is one. */
  width: z.number().int().nonnegative(),
  height: z.number().int().nonnegative(),
  firstTitle: z.string(),
  /** Places of images that do not decode, and what is wrong with the first. */
  broken: z.array(z.number().int().nonnegative()),
  messages: z.array(z.string()),
})
export type Progress = z.infer<typeof PROGRESS>

const BEGIN: Progress = { next: 0, whole: 0, width: 0, height: 0, firstTitle: '', broken: [], messages: [] }

/** What a crash may cost. */
const MS_BETWEEN_NOTES = 3000

/** A file of decoded images that grows, and beside it how far it is: whoever was interrupted goes on there. */
export class PartialImages implements AsyncDisposable {
  readonly progress: Progress
  readonly #path: string
  readonly #file: FileHandle
  readonly #channels: number
  #noted = performance.now()

  private constructor(path: string, file: FileHandle, channels: number, progress: Progress) {
    this.#path = path
    this.#file = file
    this.#channels = channels
    this.progress = progress
  }

  static async open(path: string, channels: number): Promise<PartialImages> {
    const file = await open(path, 'a+').catch((cause) => {
      throw writeError(path, cause)
    })
    const progress = await readProgress(path)
    const length = channels * progress.height * progress.width
    const { size } = await file.stat()
    const isThere = size >= progress.whole * length
    const found = isThere ? progress : structuredClone(BEGIN)
    await file.truncate(found.whole * length)
    return new PartialImages(path, file, channels, found)
  }

  /** Values of one image; 0 before there is one. */
  get length(): number {
    return this.#channels * this.progress.height * this.progress.width
  }

  /** Notes an image that does not decode. */
  skip(message: string): void {
    const { progress } = this
    progress.broken.push(progress.next++)
    if (progress.messages.length < MAX_NAMED) progress.messages.push(message)
  }

  /**
   * Adds the planes of whole images.
   * @param count of images
   * @throws PfgmError `ERR_PFGM_IO` where there is no room for them
   */
  async append(planes: readonly Uint8Array[], count: number): Promise<void> {
    const { bytesWritten } = await this.#file.writev(planes as Uint8Array[]).catch((cause) => {
      throw writeError(this.#path, cause)
    })
    if (bytesWritten < count * this.length) throw writeError(this.#path, 'the disk took only a part')
    this.progress.whole += count
    if (performance.now() - this.#noted > MS_BETWEEN_NOTES) await this.note()
  }

  /** Writes down how far it is. */
  async note(): Promise<void> {
    await sync(this.#file)
    await writeWhole(notePath(this.#path), JSON.stringify(this.progress))
    this.#noted = performance.now()
  }

  /** @throws PfgmError `ERR_PFGM_IO` where so many images more do not fit on the disk */
  async expectRoom(count: number): Promise<void> {
    const folder = dirname(this.#path)
    const { bavail, bsize } = await statfs(folder)
    const wanted = count * this.length
    if (wanted <= bavail * bsize) return
    throw new PfgmError(
      'ERR_PFGM_IO',
      `No room for ${wanted} bytes of decoded images in ${folder}: there are ${bavail * bsize}; ${CACHE_FIX}`,
    )
  }

  /** Moves the whole file to where it stays: straight there, as under any other name it would be lost if the process ended. */
  async publish(path: string): Promise<void> {
    try {
      await sync(this.#file)
      await rename(this.#path, path)
    } catch (cause) {
      throw writeError(path, cause)
    }
    await rm(notePath(this.#path), { force: true })
  }

  async remove(): Promise<void> {
    for (const path of [this.#path, notePath(this.#path)]) await rm(path, { force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

function notePath(path: string): string {
  return `${path}.json`
}

async function readProgress(path: string): Promise<Progress> {
  try {
    return PROGRESS.parse(JSON.parse((await readBytes(notePath(path))).toString()))
  } catch {
    return structuredClone(BEGIN)
  }
}

function writeError(path: string, cause: unknown): PfgmError {
  return new PfgmError('ERR_PFGM_IO', `Could not write ${path}: ${reason(cause)}; ${CACHE_FIX}`, { cause })
}
