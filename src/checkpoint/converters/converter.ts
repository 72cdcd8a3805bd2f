import { PfgmError } from '../../errors.js'
import { dataError } from '../../files/read.js'
import type { StoredTensor } from '../../files/stored-tensor.js'
import type { TensorEntry, TensorFile } from '../../files/tensor-file.js'
import type { TorchContent } from '../../files/torch-file.js'
import type { GivenFlow } from '../../flow/kinds.js'
import type { NetworkConfig } from '../../nn/config.js'
import type { ModelConfig } from '../model.js'

/** What is said of another program's model beside its file: it goes before what the file says. */
export interface GivenModel {
  /** Fields of the network that its tensors do not tell, or all of them. */
  readonly network?: Partial<NetworkConfig> | undefined
  /** Settings of its flow, for images in [-1, 1]. */
  readonly flow?: GivenFlow | undefined
}

/** A model in this package's terms. */
export interface Converted {
  /** Its network and flow are judged by whoever opens the model. */
  readonly config: Omit<ModelConfig, 'network' | 'flow'> & {
    readonly network: Readonly<Record<string, unknown>>
    readonly flow: Readonly<Record<string, unknown>>
  }
  /** By the names that they have in the network; none where another file has the weights. */
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** The file that has the weights, with the names of the network, where it is not the one that was read. */
  readonly file?: TensorFile
  /** What takes the place of some of them. */
  readonly made?: ReadonlyMap<string, TensorEntry>
  /**
   * Looks whether the tensors are of the network's size, before a network of that size is made.
   * @throws PfgmError `ERR_PFGM_CHECKPOINT` where they are not
   */
  readonly expectFits?: (network: NetworkConfig) => void
  /** What the file does not say and was taken as is usual, in sentences. */
  readonly notes: readonly string[]
}

/** A family of files that others write. Adding one is a file with one of these, and a line in `converters.ts`. */
export interface Converter {
  /** What its files are called: `an EDM snapshot`. */
  readonly family: string
  /** Whether it is for what was read from a file. */
  recognises(value: unknown): boolean
  /**
   * @throws PfgmError `ERR_PFGM_CHECKPOINT` where it is no model that this package has, RangeError where something must be
   *   given beside it
   */
  convert(content: TorchContent, given: GivenModel): Promise<Converted> | Converted
}

/** What is said of data that a file does not name. */
export const UNKNOWN_DATA = 'unknown'

/** Text of a file as a message or a model shows it. */
export function printable(text: string): string {
  return text.replaceAll(/[^ -~]/g, '?').slice(0, 100)
}

/** @throws PfgmError `ERR_PFGM_DATA` where names of tensors are none that a network has */
export function expectNames(path: string, names: Iterable<string>): void {
  for (const name of names) {
    if (!/^[\w.]{1,200}$/.test(name)) throw malformed(path, 'names of tensors', `'${printable(name)}'`)
  }
}

/** The error for a file that lacks what its family has. */
export function malformed(path: string, expected: string, received: string): PfgmError {
  return dataError(path, expected, received)
}

/** The error for a network that this package does not have. */
export function foreign(path: string, received: string): PfgmError {
  return new PfgmError(
    'ERR_PFGM_CHECKPOINT',
    `Expected ${path} to hold a network of this package but received ${received}: there is no such network here`,
  )
}

/** A setting of another program, for a message. */
export function shown(value: unknown): string {
  return printable(JSON.stringify(value) ?? 'undefined')
}
