import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { photographPatches } from './photographs.js'

test('patches are planar, deterministic and a prefix of more patches', async () => {
  const few = await photographPatches(5)
  const many = await photographPatches(20)
  expect(few).toMatchObject({ shape: [3, 32, 32], count: 5, mirror: true })
  expect(few.values).toEqual(many.values.subarray(0, few.values.length))
  expect(new Set(many.labels)).toEqual(new Set([0, 1]))
})

test('a patch is what sharp cuts out', async () => {
  const { values } = await photographPatches(1, 40)
  const file = fileURLToPath(new URL('photographs/china.jpg', import.meta.url))
  const left = Math.floor(((0.5 + 0.7548776662466927) % 1) * (640 - 40 + 1))
  const top = Math.floor(((0.5 + 0.5698402909980532) % 1) * (427 - 40 + 1))
  const patch = sharp(file).extract({ left, top, width: 40, height: 40 })
  for (const channel of [0, 1, 2] as const) {
    const plane = await patch.clone().extractChannel(channel).raw().toBuffer()
    expect(values.subarray(channel * 1600, (channel + 1) * 1600)).toEqual(new Uint8Array(plane))
  }
})
