// Real data of CIFAR-10's shape that is there without a download.
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { uniforms } from './random.js'

const SIZE = 32
const FILES = ['china.jpg', 'flower.jpg'].map((name) =>
  fileURLToPath(new URL(`../../test/data/photographs/${name}`, import.meta.url)),
)

/**
 * `count` colour patches `[3, 32, 32]` from random places of two photographs, pixels 0 to 255.
 * @param {number} count
 */
export async function photographPatches(count) {
  const photographs = await Promise.all(FILES.map(readPhotograph))
  const uniform = uniforms(1)
  const values = new Uint8Array(count * 3 * SIZE * SIZE)
  for (let item = 0; item < count; item++) {
    const photograph = photographs[item % photographs.length]
    const left = Math.floor(uniform() * (photograph.width - SIZE + 1))
    const top = Math.floor(uniform() * (photograph.height - SIZE + 1))
    copyPatch(photograph, left, top, values.subarray(item * 3 * SIZE * SIZE))
  }
  return { name: 'photographs', shape: [3, SIZE, SIZE], count, values, mirror: true }
}

async function readPhotograph(file) {
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true })
  return { pixels: data, width: info.width, height: info.height, channels: info.channels }
}

function copyPatch({ pixels, width, channels }, left, top, patch) {
  for (let channel = 0; channel < 3; channel++) {
    for (let row = 0; row < SIZE; row++) {
      for (let column = 0; column < SIZE; column++) {
        const pixel = ((top + row) * width + left + column) * channels + channel
        patch[(channel * SIZE + row) * SIZE + column] = pixels[pixel]
      }
    }
  }
}
