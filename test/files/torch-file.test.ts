import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { PfgmError } from '../../src/errors.js'
import { entryOf, Storage } from '../../src/files/stored-tensor.js'
import { readTorchFile, StoredTensor } from '../../src/files/torch-file.js'
import { torchLegacy, torchZip, Written } from '../checkpoint/torch-writer.js'
import { goldenPath } from '../golden.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-torch-file-'))
afterAll(() => rmSync(folder, { recursive: true }))

const LAYOUTS = ['zip', 'legacy'] as const
const path = (name: string) => goldenPath(`torch-files/${name}.pth`)

describe.each(LAYOUTS)('what torch.save wrote, %s', (layout) => {
  it('is read as it was', async () => {
    const { entries, value, dataOffset } = await readTorchFile(path(layout))
    const bytes = readFileSync(path(layout))
    const read = (name: string) => {
      const { dtype, shape, begin, end } = entries.get(name)!
      const own = bytes.subarray(dataOffset + begin, dataOffset + end)
      return { dtype, shape, own }
    }
    const floats = (name: string) => {
      const { own } = read(name)
      return Array.from({ length: own.length / 4 }, (_, i) => own.readFloatLE(4 * i))
    }
    expect(read('model.conv.weight')).toMatchObject({ dtype: 'F32', shape: [2, 3, 4] })
    expect(floats('model.conv.weight')).toEqual(Array.from({ length: 24 }, (_, i) => i / 2))
    expect(floats('model.conv.bias')).toEqual([1.5, -2.25])
    expect(read('model.bn.num')).toMatchObject({ dtype: 'I64', shape: [] })
    expect(read('model.bn.num').own.readBigInt64LE()).toBe(7n)
    expect(read('model.half')).toMatchObject({ dtype: 'F16', own: Buffer.from([0, 0x38, 0, 0x42]) })
    expect(read('model.brain')).toMatchObject({ dtype: 'BF16', own: Buffer.from([0x80, 0x3f, 0, 0xc0]) })
    expect(read('model.double').own.readDoubleLE()).toBe(1 / 3)
    expect(floats('model.part')).toEqual(Array.from({ length: 12 }, (_, i) => 12 + i))
    expect([...read('model.bytes').own]).toEqual([1, 255])
    expect(floats('parameter')).toEqual([1, 1])
    const whole = value as Map<string, unknown>
    expect(whole.get('step')).toBe(2 ** 40)
    expect(whole.get('lr')).toBe(2e-4)
    expect(whole.get('names')).toEqual(['a', null, true])
    expect(whole.get('parameter')).toBeInstanceOf(StoredTensor)
  })

  it('is refused where it is cut short or changed, or read as something whole, and nothing else happens', async () => {
    const bytes = readFileSync(path(layout))
    const file = join(folder, `${layout}.pth`)
    const outcome = async (changed: Buffer) => {
      writeFileSync(file, changed)
      try {
        const { entries } = await readTorchFile(file)
        for (const { begin, end } of entries.values()) {
          expect(begin).toBeGreaterThanOrEqual(0)
          expect(end).toBeGreaterThanOrEqual(begin)
          expect(end).toBeLessThanOrEqual(changed.length)
        }
      } catch (error) {
        expect(error).toBeInstanceOf(PfgmError)
        expect((error as PfgmError).code).toBe('ERR_PFGM_DATA')
        expect((error as Error).message).toContain(file)
      }
    }
    for (let part = 0; part < 16; part++) {
      writeFileSync(file, bytes.subarray(0, Math.floor((bytes.length * part) / 16)))
      await expect(readTorchFile(file)).rejects.toThrow(PfgmError)
    }
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255))
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const changed = Buffer.from(bytes)
        for (const [place, value] of changes) changed[place] = value
        await outcome(changed)
      }),
      { numRuns: 300, seed: 1 },
    )
  })
})

it('a program in it is refused by its name and never run', async () => {
  await expect(readTorchFile(path('program'))).rejects.toThrow(
    /program\.pth: expected a pickle of numbers, text and tensors but received posix\.system, which is no tensor and is not run, at byte \d+/,
  )
})

it('a view, whose values do not lie in their order, is refused with what to do', async () => {
  await expect(readTorchFile(path('view'))).rejects.toThrow('received x, a view: save its .contiguous()')
})

it('an archive of a big-endian machine is refused; one that does not say is little-endian', async () => {
  const file = join(folder, 'order.pth')
  const write = async (byteorder?: string) =>
    writeFileSync(file, await torchZip({ x: new Written([1], Float32Array.of(1)) }, byteorder))
  await write('big')
  const failure = readTorchFile(file)
  await expect(failure).rejects.toMatchObject({ code: 'ERR_PFGM_DATA' })
  await expect(failure).rejects.toThrow(
    `${file}: expected a whole file of torch.save but received numbers in the byte order "big": save it on a little-endian machine`,
  )
  for (const order of ['little', undefined]) {
    await write(order)
    expect((await readTorchFile(file)).entries.size).toBe(1)
  }
})

it('values of a kind called as what every object has are refused', async () => {
  const file = join(folder, 'constructor.pth')
  const bytes = torchLegacy({ x: new Written([1], Float32Array.of(1)) }).toString('latin1')
  const renamed = bytes.replace('ctorch\nFloatStorage\n', 'X\x0b\0\0\0constructor')
  writeFileSync(file, Buffer.from(renamed, 'latin1'))
  await expect(readTorchFile(file)).rejects.toThrow('received a storage which no tensor is of')
  const storage = new Storage('constructor', '0', 1)
  storage.place = { begin: 0, end: 4 }
  expect(() => entryOf(file, 'x', new StoredTensor(storage, 0, [1], [1]))).toThrow('received no values of x')
})

it('other files are none', async () => {
  const file = join(folder, 'text.pth')
  for (const content of ['', 'some text', 'PK\x03\x04']) {
    writeFileSync(file, content)
    await expect(readTorchFile(file)).rejects.toThrow(/expected a whole file of torch\.save/)
  }
  await expect(readTorchFile(join(folder, 'none.pth'))).rejects.toThrow('there is no such path')
})
