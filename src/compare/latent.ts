import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PfgmError } from '../errors.js'
import type { ImageTensor } from '../model/images.js'
import { loadSharp } from '../native/sharp.js'
import { rowsOf, spreadRows } from '../tensor/rows.js'
import { Tensor } from '../tensor/tensor.js'
import type { PartOf, Picture } from './figures.js'
import { type ModelName, type Workshop, withSignal } from './job.js'

/** Images that are encoded, those that are decoded again, in a row; strips between two of them, and images of a strip. */
const ENCODED = 36
const DECODED = 12
const STRIPS = 4
const STEPS = 10
const DRAWN = { quick: 30, large: 60, full: 60 }
const DRAWN_COLUMNS = 15
const TOLERANCE = 1e-4

/** What samples of a model look like. */
export async function drawSamples(workshop: Workshop, name: ModelName): Promise<PartOf<'samples'>> {
  const { efforts, precision } = workshop.plan
  const count = DRAWN[efforts]
  const model = await workshop.model(name)
  const { images } = await model.sample({ count, precision, keepNotFinite: true, ...withSignal(workshop) })
  using drawn = images
  return { kind: 'samples', ...name, count, picture: await pictureOf(workshop, drawn, DRAWN_COLUMNS) }
}

/** Encodings of images, the images they decode to, and images between them. */
export async function drawLatent(workshop: Workshop, name: ModelName): Promise<PartOf<'latent'>> {
  const model = await workshop.model(name)
  const tolerance = { rtol: TOLERANCE, atol: TOLERANCE, ...withSignal(workshop) }
  using some = (await spreadRows(workshop.items as Tensor, ENCODED)) as ImageTensor
  const { encodings: found } = await model.encode(some, tolerance)
  using all = found
  const norms = await all.rowNorms()
  const near = [...norms.keys()].filter((i) => norms[i]! <= model.flow.farthest.norm)
  const used = near.slice(0, DECODED)
  if (used.length < 2 * STRIPS) throw tooFarOut(near.length)
  using images = (await rowsOf(some, used)) as ImageTensor
  using encodings = await rowsOf(all, used)
  const { images: back } = await model.decode(encodings, { solver: 'rk45', ...tolerance })
  using decoded = back
  using scaled = await eachToItsLargest(encodings)
  const strips: Tensor<'float32'>[] = []
  try {
    for (let i = 0; i < STRIPS; i++) {
      using from = await images.slice(2 * i, 1)
      using to = await images.slice(2 * i + 1, 1)
      strips.push((await model.interpolate(from, to, { steps: STEPS, ...tolerance })).images)
      workshop.onProgress((i + 1) / STRIPS)
    }
    using between = await Tensor.concat(strips)
    return {
      kind: 'latent',
      ...name,
      count: used.length,
      tried: norms.length,
      leftOut: norms.length - near.length,
      images: await pictureOf(workshop, images, DECODED),
      encodings: await pictureOf(workshop, scaled, DECODED),
      decoded: await pictureOf(workshop, decoded, DECODED),
      error: await meanDifference(images, decoded),
      interpolations: await pictureOf(workshop, between, STEPS),
      steps: STEPS,
    }
  } finally {
    for (const strip of strips) strip.dispose()
  }
}

function tooFarOut(near: number): PfgmError {
  return new PfgmError(
    'ERR_PFGM_NOT_FINITE',
    `Expected the encodings of ${ENCODED} items within the reach of samples but received ${near} that are`,
  )
}

/** Encodings lie far out: each is divided by its largest value, so that it can be seen. */
async function eachToItsLargest(encodings: Tensor<'float64'>): Promise<Tensor<'float32'>> {
  const values = await encodings.data()
  const size = values.length / encodings.shape[0]!
  const scaled = Float32Array.from(values)
  for (let first = 0; first < scaled.length; first += size) {
    const row = scaled.subarray(first, first + size)
    const largest = Math.max(...row.map(Math.abs))
    for (const [i, value] of row.entries()) row[i] = value / largest
  }
  return Tensor.from<'float32'>(scaled, encodings.shape)
}

async function meanDifference(images: Tensor, decoded: Tensor): Promise<number> {
  const [from, to] = [await inPixels(images), await inPixels(decoded)]
  return from.reduce((sum, value, i) => sum + Math.abs(value - to[i]!), 0) / from.length
}

/** Values in [0, 1], clipped as they are seen. */
async function inPixels(images: Tensor): Promise<number[]> {
  const scale = images.dtype === 'uint8' ? (v: number) => v / 255 : (v: number) => (v + 1) / 2
  return Array.from((await images.data()) as Float32Array, (v) => Math.min(1, Math.max(0, scale(v))))
}

/** A grid of images as a PNG. */
async function pictureOf({ folder }: Workshop, images: Tensor, columns: number): Promise<Picture> {
  const file = join(folder, 'picture.png')
  try {
    await images.savePng(file, { columns, zoom: Math.max(1, Math.round(32 / images.shape.at(-1)!)) })
    const sharp = await loadSharp()
    const { width, height } = await sharp(file).metadata()
    return { png: (await readFile(file)).toString('base64'), width: width!, height: height! }
  } finally {
    await rm(file, { force: true })
  }
}
