import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { GivenModel } from '../checkpoint/converters/converter.js'
import { diffusersFolder } from '../checkpoint/converters/diffusers.js'
import { expectNothingGiven, type ForeignModel, openAnyModel } from '../checkpoint/foreign.js'
import { type ModelFile, openModel } from '../checkpoint/model.js'
import { newestCheckpoint, passingOver } from '../checkpoint/newest.js'
import { RunFolder } from '../checkpoint/run-folder.js'
import { PfgmError } from '../errors.js'
import type { ModelSource } from './model.js'

/** Trained models that come with the package. */
export const SHIPPED_MODELS = ['digits', 'fashion'] as const

/** Which model of a run. */
export interface Which {
  /** The one that was kept as its best, in place of the newest. */
  readonly best: boolean
  /** Beside a file of another program. */
  readonly given?: GivenModel
  /** Told of checkpoints that are passed over as they are not whole, and of what a file does not say and was taken as usual. */
  readonly onWarning: (message: string) => void
}

/**
 * The file of a model that is named by its path, its run folder or as it is shipped.
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is no model, or a damaged one
 */
export async function findModel(
  name: string,
  { best, given, onWarning }: Which,
): Promise<{ model: ModelFile | ForeignModel; source: ModelSource }> {
  const found = await stat(name).catch(() => undefined)
  const isFolder = found?.isDirectory() === true
  const isForeignFolder = isFolder && (await diffusersFolder(name)) !== undefined
  if (best || !(found?.isFile() || isForeignFolder)) expectNothingGiven(name, given)
  if (best) {
    const { best: path } = new RunFolder(name)
    return { model: await bestModel(name, path, isFolder), source: { path } }
  }
  if (found?.isFile() || isForeignFolder) {
    const model = await openAnyModel(name, given)
    if (model.kind === 'foreign') for (const note of model.notes) onWarning(`${note} (${name})`)
    return { model, source: { path: name } }
  }
  if (isFolder) {
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

async function bestModel(name: string, path: string, isFolder: boolean): Promise<ModelFile> {
  if (!isFolder) throw new RangeError(`Expected a run folder for its best model but received '${name}'`)
  if ((await stat(path).catch(() => undefined)) !== undefined) return openModel(path)
  throw new PfgmError(
    'ERR_PFGM_CHECKPOINT',
    `Expected ${path}, the best model of a run, but there is none: training keeps it with --keep-best`,
  )
}
