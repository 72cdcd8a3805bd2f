import type { AnyDataset, TrainEvent } from '../index.js'
import { isDrawable } from '../tensor/picture.js'
import { printHint, printJson, printLine, printWarning } from './output.js'
import { startProgress } from './progress.js'
import { bytes, commandLine, count, duration, items, several } from './words.js'

/** Shows the events of a training. */
export interface TrainView {
  show(event: TrainEvent): void
  close(): void
}

type Width = NonNullable<EventOf<'start'>['width']>
type EventOf<Type extends TrainEvent['type']> = Extract<TrainEvent, { type: Type }>

/** One JSON object a line. */
export class JsonTrainView implements TrainView {
  show(event: TrainEvent): void {
    printJson(event)
    if (event.type === 'warning') printWarning(event.message)
  }

  close(): void {}
}

/** The share of the newest step in the loss that is shown: single steps jump about. */
const NEWEST_SHARE = 0.1

/** What takes longer is announced. */
const QUICK_MS = 2000
/** A training that takes longer is warned of. */
const LONG_SECONDS = 86_400
const PICTURE_SAMPLES = { images: 64, points: 5000 } as const

/** For people. */
export class WordyTrainView implements TrainView {
  readonly #data: AnyDataset
  readonly #progress = startProgress()
  readonly #preparing: NodeJS.Timeout
  #start: EventOf<'start'> | undefined
  #loss: number | undefined

  constructor(data: AnyDataset) {
    this.#data = data
    this.#preparing = setTimeout(() => printHint('Setting up the network and measuring a step …'), QUICK_MS)
  }

  show(event: TrainEvent): void {
    if (event.type === 'warning') printWarning(event.message)
    if (event.type === 'start') this.#showStart(event)
    if (event.type === 'step') this.#showStep(event)
    if (event.type === 'picture') printHint(`Samples at step ${event.step}: ${event.path}`)
    if (event.type === 'evaluation') printHint(describeEvaluation(event))
    if (event.type === 'left-out') printHint(describeLeftOut(event))
    if (event.type === 'evaluating') this.#progress.update(event.fraction, 'drawing samples')
    if (event.type === 'end') this.#showEnd(event)
  }

  close(): void {
    clearTimeout(this.#preparing)
    this.#progress.end()
  }

  #showStart(event: EventOf<'start'>): void {
    clearTimeout(this.#preparing)
    this.#start = event
    printHint(`Data: ${this.#data.name}, ${items(this.#data.count, this.#data.shape)}`)
    const { out, step, steps, parameterCount, width, device, threads, estimate } = event
    const where = device === 'cpu' ? `on the CPU with ${several(threads, 'thread')}` : `on ${device}`
    printHint(`Network: ${count(parameterCount)} parameters, ${where}`)
    if (width) printHint(describeWidth(width))
    if (step >= steps) {
      printHint(`Nothing is left to train: ${out} is at step ${step} of ${steps}`)
      return
    }
    const { secondsPerStep, seconds, memoryBytes, availableBytes } = estimate
    const span = step > 0 ? `from step ${count(step)} to ${count(steps)}` : `for ${several(steps, 'step')}`
    const each = secondsPerStep < 1 ? `${secondsPerStep.toPrecision(2)} s` : duration(secondsPerStep)
    printHint(`Training ${span}, about ${duration(seconds)} (${each} a step), into ${out}`)
    printHint(`Memory: about ${bytes(memoryBytes)} of ${bytes(availableBytes)} available`)
    if (seconds > LONG_SECONDS) {
      const within = Math.max(1, Math.floor(LONG_SECONDS / secondsPerStep))
      printWarning(
        `training takes about ${duration(seconds)}: --steps ${step + within} ends within a day; ` +
          'a smaller network or --small-batch-size makes steps quicker',
      )
    }
    if (memoryBytes > availableBytes) {
      printWarning(
        `training needs about ${bytes(memoryBytes)} of memory but ${bytes(availableBytes)} are available: ` +
          'lower --small-batch-size, or take a smaller network',
      )
    }
  }

  #showStep({ step, loss, imagesPerSecond, secondsLeft }: EventOf<'step'>): void {
    const steps = this.#start?.steps ?? step
    this.#loss = this.#loss === undefined ? loss : this.#loss + NEWEST_SHARE * (loss - this.#loss)
    this.#progress.update(
      step / steps,
      `step ${step}/${steps}, loss ${this.#loss.toPrecision(3)}, ` +
        `${count(Math.round(imagesPerSecond))} ${this.#things}/s, ${duration(secondsLeft)} left`,
    )
    if (step === steps) this.#progress.end()
  }

  #showEnd({ step, seconds, picture, distance, undrawable, validationLoss, best }: EventOf<'end'>): void {
    this.#progress.end()
    const where = picture === undefined ? '' : ` A picture of samples: ${picture}`
    printLine(`Trained to step ${count(step)} in ${duration(seconds)}.${where}`)
    if (distance) printLine(describeDistance(distance, this.#data.count))
    if (validationLoss !== undefined) printLine(`Validation loss: ${validationLoss.toPrecision(4)}`)
    if (best) printLine('The model is the best of the run.')
    if (undrawable) return
    printLine(`Draw more: ${drawCommand(this.#start?.out ?? '', this.#data.shape)}`)
  }

  get #things(): 'images' | 'points' {
    return this.#data.shape.length === 1 ? 'points' : 'images'
  }
}

/** The command that draws samples of a trained model: as a picture where there can be one. */
export function drawCommand(out: string, shape: readonly number[]): string {
  const count = PICTURE_SAMPLES[shape.length === 1 ? 'points' : 'images']
  return commandLine(['sample', out], { count, out: isDrawable(shape) ? 'samples.png' : 'samples.npy' })
}

function describeWidth({ channels, range, multiplications, budget }: Width): string {
  const billions = (value: number) => (value / 1e9).toPrecision(2)
  return (
    `Width: ${channels} channels, ${billions(multiplications)} billion multiplications a step; ` +
    `the preset takes as many channels, ${range.join(' to ')}, as stay within ${billions(budget)} billion`
  )
}

function describeEvaluation({ step, validationLoss, distance, best }: EventOf<'evaluation'>): string {
  const found = [
    ...(validationLoss === undefined ? [] : [`validation loss ${validationLoss.toPrecision(4)}`]),
    ...(distance
      ? [`energy distance ${distance.value.toPrecision(3)} of ${several(distance.samples, 'sample')}`]
      : []),
    ...(distance?.frechet === undefined ? [] : [`Frechet distance ${distance.frechet.toPrecision(4)}`]),
  ]
  const what = found.length > 0 ? found.join(', ') : 'nothing could be measured'
  return `Step ${count(step)}: ${what}${best ? ', the best so far' : ''}`
}

function describeLeftOut({ step, seconds, left }: EventOf<'left-out'>): string {
  return (
    `Step ${count(step)}: not measured, as that takes about ${duration(seconds)} and ${duration(Math.max(0, left))} are left of the ` +
    'tenth of the training that it may take; it is as soon as there is time'
  )
}

function describeDistance(
  { value, samples, items: compared, floor }: NonNullable<EventOf<'end'>['distance']>,
  ofAll: number,
): string {
  // As many decimals as the deviation is worth.
  const decimals = Math.min(Math.max(1, Math.ceil(-Math.log10(floor.deviation))), 8)
  const [score, real, give] = [value, floor.mean, floor.deviation].map((each) => each.toFixed(decimals))
  const data = compared < ofAll ? `${count(compared)} items of the data` : 'the data'
  return (
    `Energy distance of ${count(samples)} samples to ${data}: ${score}. ` +
    `As many real items score ${real} ± ${give}; the closer to that, the better.`
  )
}
