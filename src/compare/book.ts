import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PfgmError } from '../errors.js'
import { lookAt } from '../files/read.js'
import { writeWhole } from '../files/whole-file.js'
import { type About, type Figures, figuresSchema, type Machine, type Part } from './figures.js'

/** The figures of a comparison in its folder: each part is on the disk as soon as it was measured. */
export class Book {
  readonly #file: string
  #figures: Figures

  private constructor(file: string, figures: Figures) {
    this.#file = file
    this.#figures = figures
  }

  /**
   * The figures that are in a folder, or none yet.
   * @throws PfgmError `ERR_PFGM_DATA` where they are damaged, `ERR_PFGM_RUN_EXISTS` where they are of something else
   */
  static async open(folder: string, about: About, machine: Machine): Promise<Book> {
    const file = join(folder, 'figures.json')
    const kept = await readFigures(file)
    if (kept && JSON.stringify(kept.about) !== JSON.stringify(about)) {
      throw new PfgmError(
        'ERR_PFGM_RUN_EXISTS',
        `Expected ${folder} to be a new folder or one of ${describe(about)} but received one of ${describe(kept.about)}: give another --out`,
      )
    }
    return new Book(file, kept ?? { about, machine, parts: {} })
  }

  get figures(): Figures {
    return this.#figures
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#figures.parts, key)
  }

  async keep(key: string, part: Part): Promise<void> {
    const { parts } = this.#figures
    this.#figures = { ...this.#figures, parts: { ...parts, [key]: part } }
    await writeWhole(this.#file, `${JSON.stringify(this.#figures)}\n`)
  }
}

async function readFigures(file: string): Promise<Figures | undefined> {
  if ((await lookAt(file)) === undefined) return undefined
  const text = await readFile(file, 'utf8')
  const parsed = figuresSchema.safeParse(jsonOf(text))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new PfgmError(
    'ERR_PFGM_DATA',
    `${file}: expected the figures of a comparison but received others (${issue?.path.join('.')}: ${issue?.message}): delete it to measure anew`,
  )
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function describe({ data, count, shape, quick }: About): string {
  return `${count} x [${shape.join(', ')}] of ${data}${quick ? ', quick' : ''}`
}
