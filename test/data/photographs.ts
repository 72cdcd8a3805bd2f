import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import type { Dataset } from '../../src/data/dataset.js'

const FILES = ['china.jpg', 'flower.jpg'].map((name) => new URL(`photographs/${name}`, import.meta.url))

interface Photograph {
  readonly width: number
  readonly height: number
  readonly planes: readonly Uint8Array[]
}

/**
 * Real data of the shape of CIFAR: `count` colour patches `[3, size, size]` of two photographs in turn (labels 0 and
 * 1), pixels 0 to 255. The same patches every time, and the first of many are the patches of few.
 *
 * @param size of a patch's side in pixels, up to 427
 */
export async function photographPatches(count: number, size = 32): Promise<Dataset> {
  const photographs = await Promise.all(FILES.map(readPhotograph))
  const values = new Uint8Array(count * 3 * size * size)
  const labels = new Uint8Array(count)
  for (let item = 0; item < count; item++) {
    labels[item] = item % photographs.length
    copyPatch(photographs[item % photographs.length]!, size, item, values)
  }
  return { name: 'photographs', shape: [3, size, size], count, values, labels, mirror: true }
}

async function readPhotograph(file: URL): Promise<Photograph> {
  const image = sharp(await readFile(file)).toColourspace('srgb')
  const { width, height } = await image.metadata()
  const channels = [0, 1, 2] as const
  const planes = channels.map((channel) => image.clone().extractChannel(channel).raw().toBuffer())
  return { width, height, planes: await Promise.all(planes) }
}

function copyPatch(photograph: Photograph, size: number, item: number, values: Uint8Array): void {
  const [left, top] = place(photograph, size, item)
  for (const [channel, plane] of photograph.planes.entries()) {
    for (let row = 0; row < size; row++) {
      const start = (top + row) * photograph.width + left
      values.set(plane.subarray(start, start + size), ((item * 3 + channel) * size + row) * size)
    }
  }
}

/** Places that fill the photograph evenly: multiples of the plastic number's inverses, modulo 1. */
function place({ width, height }: Photograph, size: number, item: number): [left: number, top: number] {
  const fraction = (step: number): number => (0.5 + step * (item + 1)) % 1
  return [
    Math.floor(fraction(0.7548776662466927) * (width - size + 1)),
    Math.floor(fraction(0.5698402909980532) * (height - size + 1)),
  ]
}
