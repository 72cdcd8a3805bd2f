import { type ImageSize, imageSizeOf, pictured, sides, sizeAdvice } from '../arguments/image-size.js'
import type { ForeignModel } from '../checkpoint/foreign.js'
import { averagedName, type ModelConfig, type ModelFile } from '../checkpoint/model.js'
import { type FlowSettings, flowKind, type GivenFlow } from '../flow/kinds.js'
import { findModel } from '../model/find.js'
import { readTensors } from '../native/read-tensors.js'
import { itemShape, type NetworkConfig } from '../nn/config.js'
import { labelClassesOf, labelledNetwork, withLabels } from './labels.js'
import type { TrainOptions } from './options.js'
import type { LoadedData, Start } from './run-config.js'
import type { Trainer } from './trainer.js'

/**
 * The model that a run starts from; undefined where none is named.
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is no such model, or a damaged one
 */
export async function openInitialModel(name: string | undefined): Promise<InitialModel | undefined> {
  if (name === undefined) return undefined
  const warnings: string[] = []
  const { model } = await findModel(name, { best: false, onWarning: (message) => warnings.push(message) })
  return new InitialModel(model, warnings)
}

/** What a new run takes over from a trained model: network and flow as far as they fit its data, and weights. */
export class InitialModel {
  /** Of how it was found. */
  readonly warnings: readonly string[]
  readonly #model: ModelFile | ForeignModel

  constructor(model: ModelFile | ForeignModel, warnings: readonly string[]) {
    this.#model = model
    this.warnings = warnings
  }

  /**
   * Network and flow for data, and what there is to say of them.
   * @throws RangeError where the network or the flow cannot be had for the data, or with what was asked for
   */
  startFor(data: LoadedData, { labels, flow }: TrainOptions): Start & { notes: string[] } {
    const { config } = this.#model
    expectSameOutput(config.flow, flow)
    const sized = resized(config.network, data.shape)
    const { network, notes } = relabelled(sized, data, labels)
    const isResized = itemShape(config.network).join() !== data.shape.join()
    return { network, flow: isResized ? withoutSize(config.flow) : config.flow, notes }
  }

  /** What there is to say of a flow that is not the model's. */
  flowNotes(flow: FlowSettings): string[] {
    const before = this.#model.config.flow
    if (flow.kind !== before.kind)
      return [`The run learns ${flow.kind}, its model had learned ${before.kind}`]
    const changes = Object.entries(flow).flatMap(([name, now]) => {
      const was: unknown = before[name as keyof FlowSettings]
      return now === was ? [] : [`${name} ${short(now)} now, ${short(was)} before`]
    })
    return changes.length > 0 ? [`The run's flow is not its model's: ${changes.join(', ')}`] : []
  }

  /** Makes the averaged weights of the model those of a trainer, and of its average. A label embedding of another size stays as it was drawn. */
  async fill(trainer: Trainer): Promise<void> {
    const name = nameIn(this.#model, trainer.network.config)
    for (const network of [trainer.network, trainer.averaged]) {
      await readTensors(network.handle, this.#model.file, name)
    }
  }
}

function expectSameOutput(before: FlowSettings, given: GivenFlow | undefined): void {
  const [was, asked] = [flowKind(before)!, given && flowKind(given)]
  if (asked === undefined || asked.output === was.output) return
  throw new RangeError(
    `Expected a flow whose networks give what the model's gives, ${was.output}, as ${was.kind} does, but received ${asked.kind}, ` +
      `which needs ${asked.output}: train anew for it, without --init-from`,
  )
}

function withoutSize(flow: FlowSettings): GivenFlow {
  const { ofSize = [] } = flowKind(flow)!
  return Object.fromEntries(Object.entries(flow).filter(([name]) => !ofSize.includes(name))) as GivenFlow
}

/** A network for items of another shape: images of another size, as it is fully convolutional. */
function resized(network: NetworkConfig, shape: readonly number[]): NetworkConfig {
  const takes = itemShape(network)
  if (takes.join() === shape.join()) return network
  const [channels, height, width] = shape
  if (
    !('channels' in network) ||
    channels !== network.channels ||
    height === undefined ||
    width === undefined
  ) {
    const others = takes.length === 1 ? '' : `, or images of another size in ${takes[0]} channels,`
    throw new RangeError(
      `Expected items of [${takes.join(', ')}]${others} as the model takes but received items of [${shape.join(', ')}]`,
    )
  }
  const levels = levelsOf(network)
  const patch = network.kind === 'k-unet' ? (network.patchSize ?? 1) : 1
  const divisor = patch * 2 ** (levels - 1)
  if (height % divisor !== 0 || width % divisor !== 0) {
    const next = (side: number) => divisor * Math.ceil(side / divisor)
    throw new RangeError(
      `Expected images whose sides are multiples of ${divisor}, as the model halves them ${levels - 1} times${
        patch > 1 ? ` in patches of ${patch} pixels` : ''
      }, but received ` +
        `${pictured([height, width])}: scale or pad them to ${sizeAdvice([next(height), next(width)])}`,
    )
  }
  const imageSize = imageSizeOf([height, width])
  if (!('attnResolutions' in network)) return { ...network, imageSize }
  const [before, now] = [largerSide(network), Math.max(height, width)]
  const attending = Array.from({ length: levels }, (_, level) => level).filter((level) =>
    network.attnResolutions.includes(before >> level),
  )
  return { ...network, imageSize, attnResolutions: attending.map((level) => now >> level) }
}

function largerSide({ imageSize }: { imageSize: ImageSize }): number {
  return Math.max(...sides(imageSize))
}

function levelsOf(network: Extract<NetworkConfig, { channels: number }>): number {
  if (network.kind === 'refinenet') return 2
  if ('blockChannels' in network) return network.blockChannels.length
  return (network.kind === 'unet' ? network.chMult : network.channelMult).length
}

/** A network for the labels of the data: learned where that was asked for or, if nothing was, where the model had learned some. */
function relabelled(
  network: NetworkConfig,
  data: LoadedData,
  labels: boolean | undefined,
): { network: NetworkConfig; notes: string[] } {
  const had = labelClassesOf(network)
  if (labels ?? (had > 0 && data.labels !== undefined)) {
    const labelled = labelledNetwork(network, data.name, data.labels)
    const now = labelClassesOf(labelled)
    if (now === had) return { network, notes: [] }
    return {
      network: labelled,
      notes: [
        `The label embedding is drawn anew, for ${now} classes: the model tells ${had || 'none'} apart`,
      ],
    }
  }
  if (had === 0) return { network, notes: [] }
  const why = labels === false ? 'no labels are to be learned' : `${data.name} has no labels`
  return {
    network: withLabels(network, { count: 0 }),
    notes: [`The model's label embedding, of ${had} classes, is left out: ${why}`],
  }
}

/** What a network's tensors are called in the file of a model of other images or labels; undefined for those that are drawn anew. */
function nameIn(
  model: ModelFile | ForeignModel,
  network: NetworkConfig,
): (name: string) => string | undefined {
  const { network: before } = model.config
  const averaged = averagedName(model)
  const drawnAnew = labelClassesOf(before) !== labelClassesOf(network)
  return (name) =>
    drawnAnew && name.startsWith('map_label.') ? undefined : averaged(atSize(name, before, network))
}

/** EDM's networks have the size of a level in its tensors' names: `enc.32x32_conv.weight`. */
function atSize(name: string, before: ModelConfig['network'], network: NetworkConfig): string {
  if (!('imageSize' in before) || !('imageSize' in network)) return name
  const [then, now] = [sides(before.imageSize), sides(network.imageSize)]
  return name.replace(/^(enc|dec)\.(\d+)x\d+_/, (_, way, height) => {
    const level = Math.log2(now[0] / Number(height))
    return `${way}.${then[0] >> level}x${then[1] >> level}_`
  })
}

function short(value: unknown): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(4))) : String(value)
}
