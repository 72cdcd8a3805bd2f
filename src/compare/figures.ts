import { z } from 'zod'
import { PRECISIONS } from '../native/precision.js'
import { COMPARED, type ComparedFlow } from './flows.js'
import { NETWORK_NAMES } from './networks.js'
import { SAMPLERS, type SamplerName } from './samplers.js'

/** What is measured, part by part. Whatever a report says is made of these. */

const flow = z.literal(Object.keys(COMPARED) as ComparedFlow[])
const network = z.literal([...NETWORK_NAMES])
const sampler = z.literal(Object.keys(SAMPLERS) as SamplerName[])
/** Values that are not finite, which JSON does not know, are null. */
const measured = z.number().nullable()
const count = z.number().int().nonnegative()
const model = { network, flow, seed: count }

/** What a perfect sampler would score by chance. */
const floor = z.strictObject({
  kind: z.literal('floor'),
  count,
  measures: z.record(z.string(), z.strictObject({ mean: z.number(), deviation: z.number() })),
})

/** The least seconds that a training step took. */
const stepTimes = z.strictObject({
  kind: z.literal('stepTimes'),
  seconds: z.record(flow, z.number().positive()),
})

const training = z.strictObject({
  kind: z.literal('training'),
  ...model,
  steps: count,
  parameters: count,
  precision: z.enum(PRECISIONS),
})

/** A sampler at one effort. */
const point = z.strictObject({
  kind: z.literal('point'),
  ...model,
  sampler,
  effort: z.number(),
  samples: count,
  /** Mean a sample. */
  evaluations: z.number(),
  /** Samples that came to no end. */
  lost: count,
  measures: z.record(z.string(), measured),
  /** Their standard errors over groups of the samples. */
  errors: z.record(z.string(), measured).optional(),
})

/** The least time that samples of a sampler at an effort took. */
const time = z.strictObject({
  kind: z.literal('time'),
  ...model,
  sampler,
  effort: z.number(),
  /** Drawn at once. */
  samples: count,
  /** Of all of them. */
  seconds: z.number().positive(),
})

const likelihood = z.strictObject({
  kind: z.literal('likelihood'),
  ...model,
  count,
  /** Mean over the items, and its standard error. */
  bitsPerDimension: measured,
  standardError: measured,
  evaluations: z.number(),
})

const place = z.array(z.number())

/** The exact field over points in the plane. */
const field = z.strictObject({
  kind: z.literal('field'),
  toy: z.literal(['heart', 'two-moons']),
  /** Some of the charges, [x, y]. */
  charges: z.array(place),
  /** Lines down to the charges, places [x, y, z], from where they are as near as the radius. */
  lines: z.array(z.array(place)),
  radius: z.number().positive(),
  /** The field's directions in the plane y = 0: [x, z] and that part of it, of a length of at most 1. */
  arrows: z.array(place),
  /** How far the lines' ends are from the data, and as many of its points from it: energy distances. */
  distance: z.number(),
  floor: z.strictObject({ mean: z.number(), deviation: z.number() }),
  ends: count,
})

const picture = z.strictObject({ png: z.base64(), width: count, height: count })

const samples = z.strictObject({ kind: z.literal('samples'), ...model, picture, count })

/** Images, what they are encoded to, and what is between them; those whose encodings are too far out are left out. */
const latent = z.strictObject({
  kind: z.literal('latent'),
  ...model,
  count,
  /** Of so many items. */
  tried: count,
  leftOut: count,
  images: picture,
  encodings: picture,
  decoded: picture,
  /** Mean |difference| of pixels in [0, 1] after the way there and back. */
  error: z.number(),
  interpolations: picture,
  /** Images of a strip. */
  steps: count,
})

/** What has no figures, as it came to no end, and why. */
const failed = z.strictObject({ kind: z.literal('failed'), title: z.string(), reason: z.string() })

export const partSchema = z.discriminatedUnion('kind', [
  floor,
  stepTimes,
  training,
  point,
  time,
  likelihood,
  field,
  samples,
  latent,
  failed,
])

export type Part = z.infer<typeof partSchema>
export type PartKind = Part['kind']
export type PartOf<K extends PartKind> = Extract<Part, { kind: K }>
export type Picture = z.infer<typeof picture>

/** What was compared, and where. */
export const aboutSchema = z.strictObject({
  data: z.string(),
  count,
  shape: z.array(count),
  dataHash: z.string(),
  quick: z.boolean(),
})
export type About = z.infer<typeof aboutSchema>

export const machineSchema = z.strictObject({
  date: z.string(),
  processor: z.string(),
  threads: count,
  version: z.string(),
  libtorch: z.string(),
})
export type Machine = z.infer<typeof machineSchema>

export const figuresSchema = z.strictObject({
  about: aboutSchema,
  machine: machineSchema,
  parts: z.record(z.string(), partSchema),
})
export type Figures = z.infer<typeof figuresSchema>

/** All parts of a kind. */
export function partsOf<K extends PartKind>({ parts }: Figures, kind: K): PartOf<K>[] {
  return Object.values(parts).filter((part): part is PartOf<K> => part.kind === kind)
}
