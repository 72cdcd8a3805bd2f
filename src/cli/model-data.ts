import type { AnyDataset, OpenOptions, PoissonFlow } from '../index.js'
import { DATA_OPTIONS } from './data-options.js'
import { flagOf, UsageError } from './errors.js'
import { pick, type Settings } from './options.js'
import { openData, takenBy } from './reading.js'

/** How data are read that are to be of a model's size: given on to those of several that know them. */
export const MODEL_DATA_OPTIONS = {
  skipBroken: {
    ...DATA_OPTIONS.skipBroken,
    help: 'data of pictures in files: pass over those that do not decode, with a warning',
  },
  array: DATA_OPTIONS.array,
} as const
/** Such settings, and what ends the reading. */
export type Reading = Settings<typeof MODEL_DATA_OPTIONS> & Pick<OpenOptions, 'signal'>

/**
 * Data as a model takes them: pictures in files are scaled and cropped to its size, as `train --size` does.
 * @param flag what named the data, for errors
 */
export async function openDataFor(
  flow: PoissonFlow,
  spec: string,
  flag: string,
  given: Reading,
): Promise<AnyDataset> {
  const pictures = picturesOf(flow)
  const options = await takenBy(spec, {
    ...pick(given, MODEL_DATA_OPTIONS),
    ...(pictures && { size: [pictures.height, pictures.width], channels: pictures.channels }),
  })
  const data = await openData(spec, { ...options, signal: given.signal })
  expectItemsOf(flow, data, flag)
  return data
}

/** What the pictures of a model are; undefined where files of pictures have none such. */
export function picturesOf({
  network: { itemShape },
}: PoissonFlow): { channels: 1 | 3; height: number; width: number } | undefined {
  const [channels, height, width] = itemShape
  if (height === undefined || width === undefined || (channels !== 1 && channels !== 3)) return undefined
  return { channels, height, width }
}

function expectItemsOf({ network: { itemShape } }: PoissonFlow, data: AnyDataset, flag: string): void {
  if (data.shape.join() === itemShape.join()) return
  throw new UsageError(
    `Expected ${flag} of [${itemShape.join(', ')}] as the model's but received [${data.shape.join(', ')}]`,
  )
}

/** @throws UsageError where how to read data was given and means nothing for any of them */
export async function expectTaken(given: Reading, specs: readonly string[]): Promise<void> {
  const options = pick(given, MODEL_DATA_OPTIONS)
  if (Object.keys(options).length === 0) return
  const taken = await Promise.all(specs.map((spec) => takenBy(spec, options)))
  const useless = Object.keys(options).find((name) => !taken.some((each) => name in each))
  if (useless !== undefined)
    throw new UsageError(
      `Expected data that ${flagOf(useless)} has a meaning for but received ${specs.join(' and ') || 'none'}`,
    )
}
