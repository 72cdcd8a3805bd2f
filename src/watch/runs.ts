import { basename, join, normalize, resolve } from 'node:path'
import { RunFolder } from '../checkpoint/run-folder.js'
import { listFolder, lookAt } from '../files/read.js'
import type { RunSummary } from './answers.js'
import { summaryOf } from './run.js'

/** Milliseconds for which what was found on the disk is told again rather than looked for. */
const FRESH_MS = 1000

/** A run by its name. */
export interface FoundRun {
  readonly summary: RunSummary
  /** Its folder. */
  readonly path: string
}

/** The runs in folders, which may be runs themselves, and which may come and go. */
export class Runs {
  readonly #places: readonly string[]
  #found: Promise<readonly FoundRun[]> | undefined
  #since = 0

  /** @param places folders of runs, and runs; one that is not there may come */
  constructor(places: readonly string[]) {
    this.#places = places
  }

  /** Those that are there: looked for once a second at most, however many ask. */
  all(): Promise<readonly FoundRun[]> {
    const now = performance.now()
    if (!this.#found || now - this.#since > FRESH_MS) {
      this.#since = now
      this.#found = this.#look()
    }
    return this.#found
  }

  /** Has the next one who asks look at the disk. */
  forget(): void {
    this.#found = undefined
  }

  /** @throws Error of status 404 where there is none of the name */
  async expect(name: string): Promise<FoundRun> {
    const found = (await this.all()).find(({ summary }) => summary.name === name)
    if (found) return found
    throw Object.assign(
      new Error(`Expected the name of a run, as /v1/runs has it, but received ${name.slice(0, 100)}`),
      { statusCode: 404 },
    )
  }

  async #look(): Promise<FoundRun[]> {
    const isOnly = this.#places.length === 1
    const found = new Map<string, string>()
    for (const place of this.#places) {
      const own = isOnly ? basename(resolve(place)) : normalize(place)
      if (await isRun(place)) found.set(own, place)
      else
        for (const child of await foldersIn(place))
          found.set(isOnly ? child : join(own, child), join(place, child))
    }
    const runs = await Promise.all(
      [...found].map(async ([name, path]) => {
        const summary = await summaryOf(name, path)
        return summary ? [{ summary, path }] : []
      }),
    )
    return runs.flat()
  }
}

const isRun = async (path: string): Promise<boolean> =>
  (await lookAt(new RunFolder(path).config).catch(() => undefined))?.isFile() === true

async function foldersIn(path: string): Promise<string[]> {
  const entries = await listFolder(path).catch(() => [])
  return entries
    .filter((entry) => entry.kind === 'folder' && typeof entry.path === 'string')
    .map(({ name }) => name)
}
