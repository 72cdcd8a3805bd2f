import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { TensorSlot } from '../../src/native/addon.js'
import { native } from '../../src/native/native.js'
import { saveFilm } from '../../src/pictures/film.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { readMultistepTable } from '../../src/tuning/multistep-table.js'
import { tinyFlow } from '../tiny-flow.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-null-bytes-'))
const precious = join(folder, 'precious')
writeFileSync(precious, 'my notes')
afterAll(() => rmSync(folder, { recursive: true }))

// Cut off at the null byte, each would be a file that is there.
const cut = `${precious}\0`
const images = Tensor.full([1, 2, 1, 8, 8], 0, 'float32')
const image = Tensor.full([1, 1, 8, 8], 0, 'float32')
const flow = tinyFlow()

const CALLS: Record<string, () => Promise<unknown>> = {
  save: async () => (await flow).save(cut),
  savePng: async () => (await image).savePng(`${cut}.png`),
  saveNpy: async () => (await image).saveNpy(`${cut}.npy`),
  saveFilm: async () => saveFilm({ images: await images, heights: Float64Array.of(2, 1) }, `${cut}.gif`),
  map: () => Tensor.map(cut, 'uint8', [4]),
  loadNpy: () => Tensor.loadNpy(cut, 'float32'),
  load: () => PoissonFlow.load(cut),
  readMultistepTable: () => readMultistepTable(cut),
}

it.each(Object.keys(CALLS))(
  '%s takes no path with a null byte, and leaves the file before it alone',
  async (name) => {
    await expect(CALLS[name]!()).rejects.toThrow(TypeError)
    await expect(CALLS[name]!()).rejects.toThrow(/^Expected (path|source) to be a path without null bytes/)
    expect(readdirSync(folder)).toEqual(['precious'])
    expect(readFileSync(precious, 'utf8')).toBe('my notes')
  },
)

it('nor does native code', async () => {
  const { handle } = await image
  const slots: TensorSlot[] = [{ name: 'values', dtype: 'F32', begin: 0, end: 256 }]
  const calls = [
    () => native().mapTensor(cut, 'uint8', [4], 0),
    () => native().writeState(handle, cut, '{}', slots),
    () => native().readState(handle, cut, 0, slots),
  ]
  for (const call of calls) expect(call).toThrow('Expected path to be a path without null bytes')
  expect(existsSync(precious)).toBe(true)
  expect(readFileSync(precious, 'utf8')).toBe('my notes')
})
