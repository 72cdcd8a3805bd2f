import { extname } from 'node:path'
import type {
  ChosenSolver,
  MultistepTable,
  PngOptions,
  PoissonFlow,
  SampleOptions,
  SampleResult,
  Tensor,
} from '../index.js'
import { ensureAddonWith } from './addon.js'
import { flagOf, UsageError } from './errors.js'
import { follow } from './follow.js'
import { interruptible } from './interrupt.js'
import { INTEGER, POSITIVE, TEXT } from './kinds.js'
import { GUIDANCE_OPTIONS, LABEL_OPTION } from './label-options.js'
import { library } from './library.js'
import { loadModel, MODEL_OPTIONS } from './load-model.js'
import { THREADS_OPTION } from './machine-options.js'
import { type CommonFlags, pick, type Settings } from './options.js'
import { expectWritable } from './out-file.js'
import { printJson, printLine, printWarning } from './output.js'
import { SAMPLING_OPTIONS } from './sampling-options.js'
import { countOutside, warnOutside } from './warnings.js'
import { count, duration, each, several } from './words.js'

const FILM_OPTIONS = {
  frames: { kind: INTEGER, value: 'n', help: 'film: frames at even steps in ln z (default: 24)' },
} as const

/** How points are followed down to the data, and what is written of it. */
export const DRAWING_OPTIONS = {
  ...LABEL_OPTION,
  ...GUIDANCE_OPTIONS,
  ...SAMPLING_OPTIONS,
  solverTable: {
    kind: TEXT,
    value: 'file',
    help: 'JSON file with the weights and heights of a multistep solver, in place of --solver and its options',
  },
  film: {
    kind: TEXT,
    value: 'file',
    help: 'also film how the samples form: .png is a strip, .webp and .gif move',
  },
  ...FILM_OPTIONS,
  columns: { kind: POSITIVE, value: 'n', help: 'images in a row (default: as near to a square as can be)' },
  ...MODEL_OPTIONS,
  ...THREADS_OPTION,
} as const

type DrawingSettings = Settings<typeof DRAWING_OPTIONS>

/** What a command draws. */
export interface Drawing {
  /** What one of them is called: `sample`. */
  readonly thing: string
  /** What they are of, in the line about them. */
  readonly of: string
  /** The file to write: `.png` for a picture, `.npy` for the values. */
  readonly out: string
  /** Files of other kinds, by what their names end in. */
  readonly archives?: {
    readonly extensions: readonly string[]
    save(flow: PoissonFlow, images: Tensor, out: string): Promise<void>
  }
  /** Whether one alone is written at its own size, without a frame: what is a picture to work with. */
  readonly aloneAsItIs?: boolean
  /**
   * @param options from `DRAWING_OPTIONS`, with a signal and reports of progress
   * @returns `columns`: images in a row, where that has a meaning
   */
  draw(flow: PoissonFlow, options: SampleOptions): Promise<SampleResult & { columns?: number }>
}

/** Guidance is of labels, and an interval of guidance. */
export function expectLabelled({
  label,
  guidance,
  guidanceInterval,
}: Settings<typeof LABEL_OPTION & typeof GUIDANCE_OPTIONS>): void {
  if (label === undefined && guidance !== undefined) {
    throw new UsageError(`Expected --label to be given with --guidance but received ${guidance} alone`)
  } else if (guidance === undefined && guidanceInterval !== undefined) {
    throw new UsageError(
      `Expected --guidance to be given with --guidance-interval but received ${guidanceInterval} alone`,
    )
  }
}

/** Draws with a model under a progress bar, writes what was drawn and says what it cost. */
export async function runDrawing(
  model: string,
  settings: DrawingSettings,
  flags: CommonFlags,
  drawing: Drawing,
): Promise<void> {
  const { thing } = drawing
  await expectFiles(settings, drawing)
  await ensureAddonWith(settings)
  const result = await interruptible((signal) => drawAndSave(model, settings, flags, drawing, signal))
  if (flags.json) printJson(result)
  else printResult(result, drawing)
  if (result.unfinished > 0) {
    printWarning(
      `${several(result.unfinished, thing)} of ${count(result.count)} ended early, at the most evaluations`,
    )
  }
  warnOutside(thing, result.outside, result.count)
}

async function expectFiles(settings: DrawingSettings, { out, archives }: Drawing): Promise<void> {
  const { film, frames, columns } = settings
  expectLabelled(settings)
  await expectWritable(out, ['.png', '.npy', ...(archives?.extensions ?? [])])
  if (film !== undefined) {
    const { FILM_EXTENSIONS } = await library()
    await expectWritable(film, FILM_EXTENSIONS, '--film')
  } else if (frames !== undefined) {
    throw new UsageError(`Expected --frames to be given with --film but received ${frames} alone`)
  } else if (columns !== undefined && !isPng(out)) {
    throw new UsageError(`Expected --columns to be given with a picture but received ${columns} with ${out}`)
  }
}

async function drawAndSave(
  model: string,
  settings: DrawingSettings,
  { json }: CommonFlags,
  { thing, out, draw, aloneAsItIs, archives }: Drawing,
  signal: AbortSignal,
) {
  const table = await tableOf(settings)
  using flow = await loadModel(model, pick(settings, MODEL_OPTIONS))
  const began = performance.now()
  return await follow(thing, json, async (onProgress, onSearch) => {
    const film = settings.film === undefined ? {} : { film: pick(settings, FILM_OPTIONS) }
    const options = {
      ...pick(settings, SAMPLING_OPTIONS),
      ...pick(settings, GUIDANCE_OPTIONS),
      ...table,
      ...film,
    }
    const drawn = await draw(flow, { ...options, signal, onProgress, onSearch })
    using images = drawn.images
    const seconds = (performance.now() - began) / 1000
    const columns = settings.columns ?? drawn.columns
    const layout = columns === undefined ? {} : { columns }
    const asItIs = aloneAsItIs && images.shape[0] === 1
    const written = archives?.extensions.includes(extensionOf(out))
      ? await archives.save(flow, images, out).then(() => ({ archive: out }))
      : await save(images, out, asItIs ? { zoom: 1, gap: 0 } : layout)
    if (drawn.film && settings.film !== undefined) {
      using _frames = drawn.film.images
      const { saveFilm } = await library()
      await saveFilm(drawn.film, settings.film, layout)
    }
    return {
      type: 'end',
      ...written,
      ...(settings.film === undefined ? {} : { film: settings.film }),
      count: images.shape[0] ?? 0,
      evaluations: drawn.nfe,
      ...(drawn.chosen && { chosen: drawn.chosen }),
      seconds,
      networkSeconds: drawn.seconds.network,
      outside: countOutside(drawn.outside),
      unfinished: drawn.status.filter((status) => status !== 'done').length,
    }
  })
}

/** The solver's table, where a file has it. */
export async function tableOf({
  solverTable,
}: {
  solverTable?: string
}): Promise<{ solverTable?: MultistepTable }> {
  if (solverTable === undefined) return {}
  const { readMultistepTable } = await library()
  return { solverTable: await readMultistepTable(solverTable) }
}

async function save(
  images: Tensor,
  out: string,
  layout: PngOptions,
): Promise<{ picture: string } | { values: string }> {
  if (!isPng(out)) {
    await images.saveNpy(out)
    return { values: out }
  }
  await images.savePng(out, layout)
  return { picture: out }
}

const extensionOf = (out: string): string => extname(out).toLowerCase()
const isPng = (out: string): boolean => extensionOf(out) === '.png'

interface Drawn {
  readonly film?: string
  readonly count: number
  readonly evaluations: number
  readonly chosen?: ChosenSolver
  readonly seconds: number
}

function printResult(result: Drawn, { thing, of, out }: Drawing): void {
  const { film, count: drawn, evaluations, chosen, seconds } = result
  printLine(`${out}: ${several(drawn, thing)} of ${of}`)
  if (film !== undefined) printLine(`${film}: how they form`)
  if (chosen) printLine(choiceLine(chosen))
  printLine(
    `${evaluations.toFixed(0)} evaluations of the network ${each(thing)}, ${duration(seconds)} in all`,
  )
}

export function choiceLine({
  settings,
  mean,
  standardError,
  evaluations,
  count: starts,
}: ChosenSolver): string {
  const rounded = (value: number) => Number(value.toPrecision(2))
  const flags = Object.entries(settings).map(([name, value]) => `${flagOf(name)} ${value}`)
  return `chosen: ${flags.join(' ')}, on ${several(starts, 'start')} a mean error of ${rounded(mean)} +- ${rounded(standardError)} at ${evaluations.toFixed(1)} evaluations`
}
