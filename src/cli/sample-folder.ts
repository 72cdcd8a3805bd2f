import type { PoissonFlow, SampleFolderResult, SampleOptions } from '../index.js'
import { ensureAddonWith } from './addon.js'
import { choiceLine, type DRAWING_OPTIONS, expectLabelled, tableOf } from './drawing.js'
import { flagOf, UsageError } from './errors.js'
import { follow } from './follow.js'
import { interruptible } from './interrupt.js'
import { GUIDANCE_OPTIONS } from './label-options.js'
import { loadModel, MODEL_OPTIONS } from './load-model.js'
import { type CommonFlags, pick, type Settings } from './options.js'
import { printJson, printLine, printWarning } from './output.js'
import { SAMPLING_OPTIONS } from './sampling-options.js'
import { warnOutside } from './warnings.js'
import { commandLine, count, duration, several } from './words.js'

/** What has no place in a folder of pictures that do not depend on each other. */
const OF_ONE_PICTURE = ['from', 'film', 'frames', 'columns', 'batchTolerance'] as const

type FolderSettings = Settings<typeof DRAWING_OPTIONS> & { from?: number }

/** What is drawn into a folder. */
export interface FolderDrawing {
  readonly model: string
  readonly folder: string
  /** How many samples, from which seed, of which classes. */
  starts(flow: PoissonFlow): Pick<SampleOptions, 'count' | 'seed' | 'temperature' | 'labels'>
}

/** Draws samples into a folder under a progress bar, and says what is there; where it is broken off, how to go on. */
export async function drawFolder(
  drawing: FolderDrawing,
  settings: FolderSettings,
  flags: CommonFlags,
): Promise<void> {
  const { folder } = drawing
  const given = OF_ONE_PICTURE.find((name) => settings[name] !== undefined)
  if (given !== undefined) {
    throw new UsageError(
      `Expected no ${flagOf(given)} for a folder of pictures but received ${settings[given]} with ${folder}`,
    )
  }
  expectLabelled(settings)
  await ensureAddonWith(settings)
  const began = performance.now()
  const result = await interruptible((signal) => draw(drawing, settings, flags, signal))
  const seconds = (performance.now() - began) / 1000
  const { drawn, unfinished, outside } = result
  if (flags.json) printJson(asJson(result, folder, seconds))
  else printResult(result, drawing, seconds)
  if (unfinished > 0) {
    printWarning(`${several(unfinished, 'sample')} of ${count(drawn)} ended early, at the most evaluations`)
  }
  warnOutside('sample', outside, drawn)
}

async function draw(
  { model, folder, starts }: FolderDrawing,
  settings: FolderSettings,
  { json }: CommonFlags,
  signal: AbortSignal,
): Promise<SampleFolderResult> {
  const table = await tableOf(settings)
  using flow = await loadModel(model, pick(settings, MODEL_OPTIONS))
  const options = {
    ...pick(settings, SAMPLING_OPTIONS),
    ...pick(settings, GUIDANCE_OPTIONS),
    ...table,
    ...starts(flow),
    signal,
  }
  const again = commandLine(['sample', model], { ...settings, out: folder })
  let kept = 0
  const left = () =>
    `${kept === 0 ? 'no picture was drawn yet' : `${several(kept, 'picture')} drawn`}; go on with: ${again}`
  return await follow(
    'sample',
    json,
    (onProgress, onSearch) =>
      flow.sampleToFolder(folder, {
        ...options,
        onSearch,
        onProgress(progress) {
          kept = progress.written
          onProgress(progress)
        },
      }),
    left,
  )
}

function asJson({ nfe, chosen, ...counts }: SampleFolderResult, folder: string, seconds: number) {
  return { type: 'end', folder, ...counts, evaluations: nfe, ...(chosen && { chosen }), seconds }
}

function printResult(
  { count: all, drawn, nfe, chosen }: SampleFolderResult,
  { folder, model }: FolderDrawing,
  seconds: number,
): void {
  const before = drawn === all ? '' : `, ${count(all - drawn)} of them from before`
  printLine(`${folder}: ${several(all, 'sample')} of ${model}${before}`)
  if (chosen) printLine(choiceLine(chosen))
  if (drawn > 0) {
    printLine(`${nfe.toFixed(0)} evaluations of the network a sample, ${duration(seconds)} in all`)
  }
}
