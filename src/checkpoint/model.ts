import { z } from 'zod'
import { PfgmError } from '../errors.js'
import type { TensorFile } from '../files/tensor-file.js'
import { flowSettingsSchema } from '../flow/kinds.js'
import { networkConfigSchema } from '../nn/config.js'
import { expectWhole, readHeader, type Safetensors } from './safetensors.js'

/** Rises when files of an older version can no longer be read as they are. */
export const FORMAT_VERSION = 1

export const configSchema = z.object({
  /** Its network. */
  network: networkConfigSchema,
  /** The settings of its flow. */
  flow: flowSettingsSchema,
  /** Name of the data the model was trained on. */
  data: z.string(),
  /** Training steps behind the weights. */
  step: z.number().int().min(0),
  /** Names of the classes that the network tells apart, where they have any. */
  classes: z.array(z.string()).optional(),
})

/**
 * What must be known to use a model.
 * @interface
 */
export type ModelConfig = Readonly<z.infer<typeof configSchema>>

/** What the header of every file with a model in it says. */
export function modelMetadata(kind: 'model' | 'checkpoint', config: ModelConfig): Record<string, string> {
  return { format: 'pfgm-torch', version: String(FORMAT_VERSION), kind, config: JSON.stringify(config) }
}

export interface ModelFile {
  readonly file: Safetensors
  readonly config: ModelConfig
  readonly kind: 'model' | 'checkpoint'
}

/**
 * Reads the header of a model or a checkpoint, and checks that all of it is as it was written.
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where it is neither, or damaged
 */
export async function openModel(path: string): Promise<ModelFile> {
  const file = await readHeader(path)
  const { format, version, kind, config } = file.metadata
  if (format !== 'pfgm-torch' || (kind !== 'model' && kind !== 'checkpoint')) {
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected ${path} to be a model or checkpoint of pfgm-torch but its header names the format ${format ?? 'nowhere'}`,
    )
  }
  if (version !== String(FORMAT_VERSION)) {
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected ${path} to have format version ${FORMAT_VERSION} but received ${version}: use the version of pfgm-torch that wrote it`,
    )
  }
  await expectWhole(file)
  try {
    return { file, kind, config: configSchema.parse(JSON.parse(config ?? '')) }
  } catch (error) {
    throw new PfgmError('ERR_PFGM_CHECKPOINT', `The configuration in the header of ${path} is damaged`, {
      cause: error,
    })
  }
}

/**
 * What the averaged weights of a network are called in its file, by their names in the network.
 * @param emaRate of a checkpoint: the decay of the average, if not the usual one
 * @throws RangeError where the file has no such average
 */
export function averagedName(
  model: ModelFile | { readonly kind: 'foreign'; readonly file: TensorFile },
  emaRate?: number,
): (name: string) => string {
  const { kind, file } = model
  const [usual, ...further] = model.kind === 'checkpoint' ? emaRatesOf(model.file) : []
  if (emaRate === undefined || emaRate === usual) {
    return kind === 'checkpoint' ? (name) => `ema.${name}` : (name) => name
  }
  const place = further.indexOf(emaRate)
  if (place >= 0) return (name) => `ema_${place + 1}.${name}`
  const known =
    kind === 'checkpoint' ? `one of ${[usual, ...further].join(', ')}` : 'left out for a model file'
  throw new RangeError(
    `Expected emaRate to be ${known}, whose average ${file.path} has, but received ${emaRate}: training keeps more with emaRates (--ema-rates)`,
  )
}

const runSchema = z.object({
  training: z.object({ emaRate: z.number() }),
  emaRates: z.array(z.number()).default([]),
})

/** The decays of a checkpoint's averages, the usual one first. */
function emaRatesOf({ path, metadata }: Safetensors): number[] {
  const run = runSchema.safeParse(readJson(metadata.run))
  if (run.success) return [run.data.training.emaRate, ...run.data.emaRates]
  throw new PfgmError('ERR_PFGM_CHECKPOINT', `The run's settings in the header of ${path} are damaged`)
}

/** Undefined where the text is none. */
export function readJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}
