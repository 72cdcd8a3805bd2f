import { PfgmError } from '../errors.js'
import { type ModelFile, openModel } from './model.js'
import type { RunFolder } from './run-folder.js'

export interface NewestCheckpoint {
  readonly model: ModelFile
  /** Newer ones that are not whole: their steps, and what is said of each. */
  readonly passedOver: readonly { readonly step: number; readonly message: string }[]
}

/**
 * The newest checkpoint of a run that is whole; undefined where there is none at all.
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where there are some and none is whole
 */
export async function newestCheckpoint(folder: RunFolder): Promise<NewestCheckpoint | undefined> {
  const steps = await folder.checkpoints()
  if (steps.length === 0) return undefined
  const passedOver: { step: number; message: string }[] = []
  for (const step of steps.reverse()) {
    try {
      return { model: await openModel(folder.checkpoint(step)), passedOver }
    } catch (error) {
      if (!isUnreadable(error)) throw error
      passedOver.push({ step, message: error.message })
    }
  }
  throw new PfgmError(
    'ERR_PFGM_CHECKPOINT',
    `Expected a whole checkpoint in ${folder.path} but none of ${steps.length} is: ` +
      `${passedOver.map(({ message }) => message).join('; ')}. Bring one back from a copy, or train elsewhere (--out)`,
  )
}

function isUnreadable(error: unknown): error is PfgmError {
  return error instanceof PfgmError && ['ERR_PFGM_CHECKPOINT', 'ERR_PFGM_IO'].includes(error.code)
}

/** What there is to say of checkpoints that are passed over. */
export function passingOver({ model, passedOver }: NewestCheckpoint): string[] {
  return passedOver.map(({ message }) => `${message}; ${model.file.path}, from before, is taken instead`)
}
