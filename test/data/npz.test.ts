import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { npz } from '../../src/data/npz.js'
import { openDataset } from '../../src/data/open.js'
import { PfgmError } from '../../src/errors.js'
import { temporaryFolders } from './temporary.js'

const temporary = temporaryFolders()
const fixture = (name: string): string => fileURLToPath(new URL(`numpy/${name}`, import.meta.url))
const pixels = Uint8Array.from({ length: 96 }, (_, i) => i)

test('the only array, stored', async () => {
  const dataset = await npz(fixture('stored.npz'), { mirror: true })
  expect(dataset).toEqual({ name: 'stored', shape: [3, 4, 4], count: 2, values: pixels, mirror: true })
})

test('the array with a usual name, compressed; the others are named', async () => {
  const path = fixture('compressed.npz')
  const dataset = await openDataset(path)
  expect(dataset).toMatchObject({ name: 'compressed', shape: [3, 4, 4], count: 2, values: pixels })
  expect(dataset.notes).toEqual([`${path}: array images was read, not labels`])
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
