import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type ModelFile, openModel } from '../checkpoint/model.js'
import { newestCheckpoint, passingOver } from '../checkpoint/newest.js'
import { RunFolder } from '../checkpoint/run-folder.js'
import { PfgmError } from '../errors.js'
import type { ModelSource } from './model.js'

/** Trained models that come with the package. */
export const SHIPPED_MODELS = ['digits'] as const

/**
 * The file of a model that is named by its path, its run folder or as it is shipped.
 * @param onWarning told of checkpoints of a run that are passed over as they are not whole
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is no model, or a damaged one
 */
export async function findModel(
  name: string,
  onWarning: (message: string) => void,
): Promise<{ model: ModelFile; source: ModelSource }> {
  const found = await stat(name).catch(() => undefined)
  if (found?.isFile()) return { model: await openModel(name), source: { path: name } }
  if (found?.isDirectory()) {
    const newest = await newestCheckpoint(new RunFolder(name))
    if (newest === undefined) {
      throw new PfgmError(
        'ERR_PFGM_CHECKPOINT',
        `Expected a run in ${name} but it has no checkpoint: train there first, with --out ${name}`,
      )
    }
    for (const message of passingOver(newest)) onWarning(message)
    return { model: newest.model, source: { path: newest.model.file.path, run: name } }
  }
  if ((SHIPPED_MODELS as readonly string[]).includes(name)) {
    const path = fileURLToPath(new URL(`../../models/${name}.safetensors`, import.meta.url))
    return { model: await openModel(path), source: { path } }
  }
  throw new PfgmError(
    'ERR_PFGM_CHECKPOINT',
    `Expected a run folder, a model file or one of the models that come with the package (${SHIPPED_MODELS.join(', ')}) but received '${name}'`,
  )
}
