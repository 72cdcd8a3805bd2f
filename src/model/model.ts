import { kind, oneOf, optionsSchema, parseOptions } from '../arguments/schema.js'
import { expectPath } from '../check.js'
import { EXPORT_FORMATS, exporterOf } from '../checkpoint/exporters/exporters.js'
import { type ModelConfig, modelMetadata } from '../checkpoint/model.js'
import { writeTensors } from '../checkpoint/safetensors.js'
import { expectAnotherFile } from '../files/another-file.js'
import type { DriftOptions, Flow } from '../flow/flow.js'
import { inferenceOf } from '../flow/inference.js'
import { createFlow } from '../flow/kinds.js'
import { classesOf } from '../nn/config.js'
import type { Network } from '../nn/network.js'
import { SharedFlow } from '../ode/pool/shared-flow.js'

const SAVE_SCHEMA = optionsSchema<{ dtype?: 'F32' | 'F16' }>({ dtype: oneOf(['F32', 'F16']) })

const EXPORT_SCHEMA = optionsSchema<{ format?: string }>({
  format: oneOf(EXPORT_FORMATS.map(({ format }) => format)),
})

/** Where a model came from: its file, and the run folder that the file lies in where that was named. */
export interface ModelSource {
  readonly path: string
  readonly run?: string
}

/** A network and the flow that it was trained for: what everything that follows paths works on. */
export class Model implements Disposable {
  /** What must be known to use the model, as in the header of its file. */
  readonly config: ModelConfig
  /** The network, on its device. */
  readonly network: Network
  /** The flow of the configuration's settings. */
  readonly flow: Flow
  /** @internal Undefined for a model that is not from a file. */
  readonly source: ModelSource | undefined
  readonly #shared = new Map<string, SharedFlow>()
  readonly #kept: Disposable[] = []

  /** @internal */
  constructor(config: ModelConfig, network: Network, source?: ModelSource) {
    this.config = config
    this.network = network
    this.flow = createFlow(config.flow)
    this.source = source
  }

  /** How many classes samples may be of: their labels are the numbers below. 0 where none was learned. */
  get classCount(): number {
    return classesOf(this.network.config)
  }

  /**
   * The flow as an ODE, whose network calls are shared by all paths under way.
   * @internal
   */
  sharedFlow(options: DriftOptions = {}): SharedFlow {
    return this.#sharedAs(nameOf(options), () => this.flow.drift(this.network, options))
  }

  /**
   * The same with its divergence along the paths: exact, or estimated with so many probes of each path's own.
   * @internal
   */
  sharedFlowWithDivergence(options: DriftOptions, divergence: 'exact' | number): SharedFlow {
    const exact = divergence === 'exact'
    return this.#sharedAs(`${nameOf(options)} ${divergence}`, () => {
      using drift = this.flow.drift(this.network, options)
      return drift.withDivergence({ exact, probes: exact ? 1 : divergence })
    })
  }

  #sharedAs(name: string, create: ConstructorParameters<typeof SharedFlow>[0]): SharedFlow {
    const shared = this.#shared.get(name) ?? new SharedFlow(create)
    this.#shared.set(name, shared)
    return shared
  }

  /**
   * Writes the model alone, without what training needs, as safetensors. The file appears whole or not at all.
   * @param options.dtype `F16` halves the file and rounds the weights. Default F32
   * @throws PfgmError `ERR_PFGM_IO` where the file cannot be written
   */
  async save(path: string, options: { dtype?: 'F32' | 'F16' } = {}): Promise<void> {
    const { dtype = 'F32' } = parseOptions('save', SAVE_SCHEMA, options)
    await writeTensors(this.network.handle, path, modelMetadata('model', this.config), dtype)
  }

  /**
   * Writes the model for other programs: its weights for PyTorch (`safetensors`), a checkpoint of the published code
   * (`pth`), or the network with what its flow makes of it, as one function (`onnx`). docs/export.md says what is in each.
   * @param options.format `safetensors`, `pth` or `onnx`: what the path ends in, where not given
   * @returns what there is to say of what the file does not have
   * @throws RangeError where the format has no such networks, or the file is the model's own; PfgmError `ERR_PFGM_IO` where the file cannot be written
   */
  async export(path: string, options: { format?: string } = {}): Promise<string[]> {
    expectPath('path', path)
    const { format } = parseOptions('export', EXPORT_SCHEMA, options)
    if (this.source) await expectAnotherFile(this.source.path, path)
    return exporterOf(path, format).write(
      { network: this.network, config: this.config, source: this.source?.path },
      path,
    )
  }

  /** Keeps a resource as long as the model. @internal */
  keep(resource: Disposable): void {
    this.#kept.push(resource)
  }

  /** Frees the network, and what was made of it. */
  dispose(): void {
    for (const resource of this.#kept.splice(0)) resource[Symbol.dispose]()
    this.network.dispose()
  }

  /** The same, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** A model of whatever flow. */
export const MODEL = kind<Model>('a PoissonFlow', (value) => value instanceof Model)

const nameOf = ({ published, ...how }: DriftOptions): string =>
  [published ?? 'as it is', ...Object.values(inferenceOf(how))].join(' ')
