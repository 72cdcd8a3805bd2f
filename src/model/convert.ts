import { oneOf, optionsSchema, parseOptions } from '../arguments/schema.js'
import { expectPath } from '../check.js'
import type { GivenModel } from '../checkpoint/converters/converter.js'
import type { ModelConfig } from '../checkpoint/model.js'
import { expectAnotherFile } from '../files/another-file.js'
import { GIVEN_FIELDS, loadModel } from './load.js'
import { Model } from './model.js'

/** What is given beside another program's file. */
export interface ConvertOptions {
  /** Fields of the network that the file's tensors do not tell, such as `imageSize`. They go before what was recognised. */
  network?: GivenModel['network']
  /** Settings of the flow, likewise, for images in [-1, 1]. */
  flow?: GivenModel['flow']
  /** How numbers are stored: `F16` halves the file. Default `F32`. */
  dtype?: 'F32' | 'F16'
}

const CONVERT_SCHEMA = optionsSchema<ConvertOptions>({ ...GIVEN_FIELDS, dtype: oneOf(['F32', 'F16']) })

/** What was recognised. */
export interface Conversion {
  /** `a snapshot of EDM or PFGM++`. */
  readonly family: string
  /** Of the model that was made. */
  readonly config: ModelConfig
  /** Trained numbers of its network. */
  readonly parameterCount: number
  /** What the file does not say and was taken as is usual, in sentences. */
  readonly notes: readonly string[]
}

/**
 * Writes a model of another program as one of this package: checkpoints of PFGM and score_sde (`.pth`), snapshots and
 * training states of EDM and PFGM++ (`.pkl`, `.pt`), states and slim files of k-diffusion (`.pth`, `.safetensors`), folders
 * of diffusers. The file is read as data, and nothing in it is run. An own model or
 * run folder becomes a model file alone.
 * @param source the other program's file
 * @param out where the model is written, whole or not at all
 * @throws PfgmError `ERR_PFGM_DATA` where the file is damaged, or names what is no tensor; `ERR_PFGM_CHECKPOINT` where its
 *   model is none that this package has; RangeError where something must be given beside it
 */
export async function convert(
  source: string,
  out: string,
  options: ConvertOptions = {},
): Promise<Conversion> {
  expectPath('source', source)
  expectPath('out', out)
  const { dtype = 'F32', network: fields, flow } = parseOptions('convert', CONVERT_SCHEMA, options)
  await expectAnotherFile(source, out)
  const notes: string[] = []
  const given = { network: fields, flow }
  const onWarning = (note: string) => notes.push(note)
  const {
    config,
    network,
    family = 'a model of pfgm-torch',
  } = await loadModel(source, {
    device: 'cpu',
    best: false,
    emaRate: undefined,
    given,
    onWarning,
  })
  using model = new Model(config, network)
  await model.save(out, { dtype })
  return { family, config, parameterCount: network.parameterCount, notes }
}
