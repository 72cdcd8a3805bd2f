import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Attempt, releaseLock, takeLock } from '../../scripts/install/lock.js'
import { PfgmError } from '../errors.js'

const CHECKPOINT = /^step-(\d+)\.safetensors$/

/** The folder a training run writes: `config.json`, `log.jsonl`, `samples/`, `checkpoints/`. */
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

  /** The picture of a finished run. */
  get finalPicture(): string {
    return join(this.path, 'samples.png')
  }

  /**
   * A run saves its first checkpoint before its first step: without one there is nothing to lose here.
   * @throws PfgmError `ERR_PFGM_RUN_EXISTS`
   */
  async expectNoRun(): Promise<void> {
    if ((await this.checkpoints()).length > 0) {
      throw new PfgmError(
        'ERR_PFGM_RUN_EXISTS',
        `Expected ${this.path} to hold no run but one is there: go on with it (--resume), or train elsewhere (--out)`,
      )
    }
  }

  /** @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is nothing to go on from */
  async expectCheckpoint(): Promise<void> {
    if ((await this.checkpoints()).length === 0) throw this.noCheckpoint()
  }

  noCheckpoint(): PfgmError {
    return new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected a checkpoint to go on from in ${this.path} but there is none: train without --resume first`,
    )
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

  /** Removes all checkpoints but the newest `keep`. */
  async prune(keep: number): Promise<void> {
    const steps = await this.checkpoints()
    for (const step of steps.slice(0, Math.max(0, steps.length - keep)))
      await rm(this.checkpoint(step), { force: true })
  }

  /**
   * Claims the folder for this process until the returned function is called.
   * @throws PfgmError `ERR_PFGM_RUN_BUSY`
   */
  lock(): () => void {
    const file = join(this.path, '.lock')
    const { lock, holder } = this.#takeLock(file)
    if (lock) return () => releaseLock(lock)
    const other = holder ? `process ${holder.pid} on ${holder.host}` : 'another process'
    throw new PfgmError(
      'ERR_PFGM_RUN_BUSY',
      `Expected ${this.path} to be free but ${other} is training there (${file}): wait for it, or give another --out`,
    )
  }

  #takeLock(file: string): Attempt {
    try {
      return takeLock(file)
    } catch (error) {
      throw new PfgmError('ERR_PFGM_IO', `Could not write to ${this.path}: ${(error as Error).message}`, {
        cause: error,
      })
    }
  }
}
