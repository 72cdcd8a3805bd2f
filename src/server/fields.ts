import { z } from 'zod'
import { PRECISIONS } from '../native/precision.js'
import { SOLVERS } from '../ode/solver-options.js'
import type { SampleRequest } from '../sampler/sampler.js'

/** Formats that samples are given in. */
export const FORMATS = ['png', 'webp', 'json', 'npy'] as const
export type Format = (typeof FORMATS)[number]

/** What a service allows. */
export interface Limits {
  /** Most samples of a request. */
  readonly count: number
  /** Most network evaluations of a sample, and steps. */
  readonly evaluations: number
  /** Most pixels of a picture, with its zoom. */
  readonly pixels: number
}

export const LIMITS: Limits = { count: 64, evaluations: 1000, pixels: 2 ** 24 }

const number = (min: number, max: number, about: string) => z.number().min(min).max(max).describe(about)
const integer = (min: number, max: number, about: string) => number(min, max, about).int()

/** Which model: the only one where not given. */
export const modelField = z.string().max(200).optional().describe('Its name; the only one where not given')
export const labelField = z.string().min(1).max(100).optional().describe('A class, by its number or name')

/** How samples are drawn: what `sample` of the library takes, as far as a stranger may ask for it. */
export const drawingFields = ({ evaluations }: Limits) => ({
  label: labelField,
  guidance: number(-100, 100, 'Classifier-free guidance, beside a label').optional(),
  solver: z.enum(SOLVERS).optional().describe('The method; adaptive-unipc where not given'),
  steps: integer(1, evaluations, 'Steps along given heights').optional(),
  rtol: number(1e-6, 1, 'Relative tolerance of adaptive methods').optional(),
  atol: number(1e-6, 1e6, 'Absolute tolerance of adaptive methods').optional(),
  schedule: z.enum(['uniform', 'karras']).optional().describe('Where given heights lie'),
  rho: number(0.1, 100, 'Of the Karras schedule').optional(),
  order: integer(1, 4, 'Of multistep methods').optional(),
  temperature: number(0.01, 100, 'Scales the norms of the starts').optional(),
  precision: z.enum(PRECISIONS).optional().describe("Of the network's products"),
})

/** A request for samples. */
export const samplesFields = (limits: Limits) => ({
  seed: integer(0, Number.MAX_SAFE_INTEGER, 'Sample i is drawn from seed + i').default(0),
  count: integer(1, limits.count, 'Samples').default(1),
  ...drawingFields(limits),
  zoom: integer(1, 64, 'Pixels a pixel').default(1),
  format: z.enum(FORMATS).optional().describe('Else what Accept asks for, or png'),
})

export type Drawing = z.infer<z.ZodObject<ReturnType<typeof drawingFields>>>
export type SamplesQuery = z.infer<z.ZodObject<ReturnType<typeof samplesFields>>>

/** A label as the library takes it. */
export const labelOf = (label: string | undefined): { labels?: string | number } =>
  label === undefined ? {} : { labels: /^\d+$/.test(label) ? Number(label) : label }

/** The same as a sampler takes it. */
export function requestOf(
  { label, ...given }: Drawing & { readonly seed: number; readonly count: number },
  limits: Limits,
): SampleRequest {
  const settings = Object.entries(given).filter(
    ([name, value]) => value !== undefined && name !== 'zoom' && name !== 'format',
  )
  return {
    ...Object.fromEntries(settings),
    ...labelOf(label),
    maxEvaluations: limits.evaluations,
  }
}
