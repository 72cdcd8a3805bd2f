import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PfgmError } from '../errors.js'

const CHECKPOINT = /^step-(\d+)\.safetensors$/

/** The folder a training run writes: `config.json`, `log.jsonl`, TensorBoard's event files, `samples/`, `checkpoints/`. */
export class RunFolder {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  get config(): string {
    return join(this.path, 'config.json')
  }

  get log(): string {
    return join(this.path, 'log.jsonl')
  }

  checkpoint(step: number): string {
    return join(this.path, 'checkpoints', `step-${String(step).padStart(7, '0')}.safetensors`)
  }

  picture(step: number): string {
    return join(this.path, 'samples', `step-${String(step).padStart(7, '0')}.png`)
  }

  /** The model that was best so far, of a run that keeps it. */
  get best(): string {
    return join(this.path, 'best.safetensors')
  }

  /** The picture of a finished run. */
  get finalPicture(): string {
    return join(this.path, 'samples.png')
  }

  /**
   * Whether there is a run to go on with. A run saves its first checkpoint before its first step: without one there is
   * nothing to lose here.
   * @throws PfgmError `ERR_PFGM_RUN_EXISTS` where there is one and none is wanted, `ERR_PFGM_CHECKPOINT` where one is
   *   wanted and there is none
   */
  async goesOn(resume: boolean | 'auto'): Promise<boolean> {
    const isThere = (await this.checkpoints()).length > 0
    if (isThere && resume === false) {
      throw new PfgmError(
        'ERR_PFGM_RUN_EXISTS',
        `Expected ${this.path} to hold no run but one is there: go on with it (--resume), or train elsewhere (--out)`,
      )
    }
    if (!isThere && resume === true) {
      throw new PfgmError(
        'ERR_PFGM_CHECKPOINT',
        `Expected a checkpoint to go on from in ${this.path} but there is none: train without --resume first, or with --resume auto`,
      )
    }
    return isThere
  }

  /** Steps of the checkpoints here, the oldest first. */
  async checkpoints(): Promise<number[]> {
    const names = await readdir(join(this.path, 'checkpoints')).catch(() => [])
    return names
      .flatMap((name) => CHECKPOINT.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b)
  }

  /** Makes the folder; a read-only place fails here, before any work is done. */
  async create(): Promise<void> {
    try {
      await mkdir(join(this.path, 'checkpoints'), { recursive: true })
      await mkdir(join(this.path, 'samples'), { recursive: true })
    } catch (error) {
      throw new PfgmError(
        'ERR_PFGM_IO',
        `Could not make the run folder ${this.path}: ${(error as Error).message}`,
        { cause: error },
      )
    }
  }

  /** Renames a checkpoint that cannot be read, so that it does not count as one any more. */
  async setAside(step: number): Promise<void> {
    await rename(this.checkpoint(step), `${this.checkpoint(step)}.unreadable`)
  }

  /** Removes what a process that was killed had begun to write. To be called by who has the lock. */
  async removeUnfinished(): Promise<void> {
    for (const folder of [this.path, join(this.path, 'checkpoints')]) {
      for (const name of await readdir(folder)) {
        if (name.startsWith('.tmp-')) await rm(join(folder, name), { force: true })
      }
    }
  }

  /** Removes all checkpoints but the newest `keep`. */
  async prune(keep: number): Promise<void> {
    const steps = await this.checkpoints()
    for (const step of steps.slice(0, Math.max(0, steps.length - keep)))
      await rm(this.checkpoint(step), { force: true })
  }
}
