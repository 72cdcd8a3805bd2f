import { extname } from 'node:path'
import { describeOthers, IMAGE_EXTENSIONS } from '../image-files.js'

/** Whether an entry's name is that of an image. Those that begin with a dot are passed over as those of folders are. */
export function isImageName(name: string): boolean {
  const extension = extname(name).slice(1).toLowerCase()
  return !isHidden(name) && (IMAGE_EXTENSIONS as readonly string[]).includes(extension)
}

export function isHidden(name: string): boolean {
  return name.split('/').some((part) => part.startsWith('.') || part === '__MACOSX')
}

/** Counts what is passed over, by its extension. */
export class Others {
  readonly #kinds = new Map<string, number>()

  add(name: string): void {
    const kind = extname(name).toLowerCase() || 'without an extension'
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1)
  }

  /** In words, where there were any. */
  get note(): string | undefined {
    return this.#kinds.size === 0 ? undefined : `passed over ${describeOthers(this.#kinds)}`
  }
}
