import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { npz } from '../../src/data/npz.js'
import { openDataset } from '../../src/data/open.js'
import { PfgmError } from '../../src/errors.js'
import { npyBytes } from './npy-file.js'
import { zipOf } from './packed/files.js'
import { temporaryFolders } from './temporary.js'

const temporary = temporaryFolders()
const fixture = (name: string): string => fileURLToPath(new URL(`numpy/${name}`, import.meta.url))
const pixels = Uint8Array.from({ length: 96 }, (_, i) => i)

test('the only array, stored', async () => {
  const dataset = await npz(fixture('stored.npz'), { mirror: true })
  expect(dataset).toEqual({ name: 'stored', shape: [3, 4, 4], count: 2, values: pixels, mirror: true })
})

test('the array with a usual name, compressed, with its labels', async () => {
  const path = fixture('compressed.npz')
  const dataset = await openDataset(path)
  expect(dataset).toMatchObject({ name: 'compressed', shape: [3, 4, 4], count: 2, values: pixels })
  expect(dataset.labels).toEqual(Uint8Array.of(7, 8))
  expect(dataset.notes).toBeUndefined()
  expect(await openDataset(`npz:${path}`)).toEqual(dataset)
  await expect(openDataset(`npy:${path}`)).rejects.toThrow('received an archive, which npz reads')
})

test('an array by its name', async () => {
  const path = fixture('keras.npz')
  const failure = npz(path)
  await expect(failure).rejects.toMatchObject({ code: 'ERR_PFGM_DATA' })
  await expect(failure).rejects.toThrow(
    'expected the name of one of its arrays (array, --array NAME) but received none, of x_train, y_train, x_test, objects',
  )
  const dataset = await openDataset(path, { array: 'x_train' })
  expect(dataset).toMatchObject({ shape: [3, 5, 3], count: 2, values: pixels.subarray(0, 90) })
  expect(dataset.notes).toEqual([
    expect.stringMatching(/keras\.npz, array x_train: \[2, 5, 3, 3\] was read as channels last/),
  ])
  await expect(npz(path, { array: 'x' })).rejects.toThrow(RangeError)
  await expect(npz(path, { array: 'x' })).rejects.toThrow(
    'Expected array to be one of x_train, y_train, x_test, objects, as',
  )
  await expect(npz(path, { array: 'y_train' })).rejects.toThrow('received int64 (<i8)')
  await expect(npz(path, { array: 'objects' })).rejects.toThrow('Python objects (|O): save numpy.stack')
})

/** As tools of OpenAI and EDM write them: pixels with channels last, and what may be labels. */
async function written(labels: Buffer, name = 'arr_1.npy', images = 'arr_0.npy'): Promise<string> {
  const path = join(await temporary(), 'samples.npz')
  await writeFile(
    path,
    await zipOf([
      [images, npyBytes('|u1', [3, 5, 5, 3], Buffer.alloc(225, 1))],
      [name, labels],
    ]),
  )
  return path
}

test.each([
  ['<i8', BigInt64Array.of(3n, 0n, 255n)],
  ['<i4', Int32Array.of(3, 0, 255)],
  ['<u2', Uint16Array.of(3, 0, 255)],
  ['|u1', Uint8Array.of(3, 0, 255)],
  ['>i4', Int32Array.of(3 << 24, 0, 255 << 24)],
])('labels of type %s beside the images', async (descr, values) => {
  for (const shape of [[3], [3, 1]]) {
    const data = await openDataset(await written(npyBytes(descr, shape, values)))
    expect(data).toMatchObject({ shape: [3, 5, 5], count: 3, labels: Uint8Array.of(3, 0, 255) })
    expect(data.notes?.some((note) => note.includes('arr_1'))).toBe(false)
  }
  expect(
    (
      await npz(await written(npyBytes(descr, [3], values), 'y_train.npy', 'x_train.npy'), {
        array: 'x_train',
      })
    ).labels,
  ).toBeDefined()
})

test.each([
  ['<i8', [2], BigInt64Array.of(1n, 2n), 'it is [2], not [3]'],
  ['<f4', [3], Float32Array.of(1, 2, 3), 'it has float32 (<f4), not whole numbers'],
  ['<i4', [3], Int32Array.of(1, 2, 256), 'it has the label 256, not 0 to 255'],
  ['<i4', [3], Int32Array.of(1, 2, -1), 'it has the label -1, not 0 to 255'],
  ['<i4', [3, 2], Int32Array.of(1, 0, 0, 1, 1, 0), 'it is [3, 2], not [3]'],
])('%s of %j are no labels, and a note says so', async (descr, shape, values, why) => {
  const path = await written(npyBytes(descr, shape, values))
  const data = await npz(path)
  expect(data.labels).toBeUndefined()
  expect(data.notes).toContain(`${path}: array arr_1 was not taken for labels: ${why}`)
})

test.each(['stored.npz', 'compressed.npz'])('a cut or damaged %s is an error', async (name) => {
  const whole = await readFile(fixture(name))
  const path = join(await temporary(), 'damaged.npz')
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
      fc.oneof(fc.constant(whole.length), fc.nat(whole.length)),
      async (changes, length) => {
        const bytes = Buffer.from(whole)
        for (const [at, value] of changes) bytes[at] = value
        await writeFile(path, bytes.subarray(0, length))
        const outcome = await npz(path).catch((error: unknown) => error)
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(PfgmError)
        else expect(outcome).toMatchObject({ values: pixels }) // what was changed does not matter
      },
    ),
    { numRuns: 150 },
  )
  await writeFile(path, whole.subarray(0, whole.length / 2))
  await expect(npz(path)).rejects.toThrow(
    'damaged.npz: expected a whole archive of NumPy files but received something else',
  )
})

test('what is no archive', async () => {
  const path = join(await temporary(), 'text.npz')
  await writeFile(path, 'text')
  await expect(npz(path)).rejects.toMatchObject({ code: 'ERR_PFGM_DATA' })
  await expect(npz(join(path, 'none'))).rejects.toMatchObject({ code: 'ERR_PFGM_DATA' })
  await expect(npz(await temporary())).rejects.toMatchObject({ name: 'PfgmError' })
})
