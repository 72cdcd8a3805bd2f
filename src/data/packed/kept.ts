import { join } from 'node:path'
import { z } from 'zod'
import { withLock } from '../../../scripts/install/lock.js'
import { lookAt, readBytes } from '../../files/read.js'
import { writeWhole } from '../../files/whole-file.js'
import { PROGRESS } from './partial.js'

const KEPT = PROGRESS.extend({
  channels: z.number().int().positive(),
  /** Of the whole images, a byte each, in base64. */
  labels: z.string().optional(),
  classes: z.array(z.string()).optional(),
  notes: z.array(z.string()),
  /** The files as they were called then, which messages name. */
  paths: z.array(z.string()),
})
/** What is known of images that were decoded before. */
export type Kept = z.infer<typeof KEPT>

/** The files in a cache that belong to a key. */
export class Place {
  /** The pixels, image after image. */
  readonly values: string
  readonly partial: string
  readonly #about: string
  readonly #lock: string

  constructor(folder: string, key: string) {
    this.values = join(folder, `${key}.pixels`)
    this.partial = join(folder, `${key}.partial`)
    this.#about = join(folder, `${key}.json`)
    this.#lock = join(folder, `${key}.lock`)
  }

  /** What is there; undefined where it is nothing, or not whole. */
  async read(): Promise<Kept | undefined> {
    if ((await lookAt(this.#about)) === undefined) return undefined
    try {
      const kept = KEPT.parse(JSON.parse((await readBytes(this.#about)).toString()))
      const { whole, channels, width, height } = kept
      return (await lookAt(this.values))?.size === whole * channels * height * width ? kept : undefined
    } catch {
      return undefined
    }
  }

  /** Once the pixels are there. */
  async write(kept: Kept): Promise<void> {
    await writeWhole(this.#about, JSON.stringify(kept))
  }

  /** Runs work that only one process is to do at a time. */
  alone<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return withLock(this.#lock, work, undefined, signal)
  }
}
