import type { Network } from '../../nn/network.js'
import type { ModelConfig } from '../model.js'

/** A model to write. */
export interface Exported {
  readonly network: Network
  readonly config: ModelConfig
  /** The file that its weights are from, where it is from one: a checkpoint has more than they. */
  readonly source: string | undefined
}

/** A format that models are written in for other programs. */
export interface Exporter {
  /** As `--format` names it. */
  readonly format: string
  /** What the file's name ends in. */
  readonly extension: string
  /** What it is for, in a line. */
  readonly help: string
  /**
   * Writes the file, which appears whole or not at all.
   * @returns what there is to say of what the file does not have
   * @throws RangeError where the format has no such networks
   */
  write(model: Exported, path: string): Promise<string[]>
}
