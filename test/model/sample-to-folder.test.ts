import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lockRun } from '../../src/checkpoint/run-lock.js'
import { memory } from '../../src/native/device.js'
import { Network } from '../../src/nn/network.js'
import { PoissonFlow, type SampleFolderOptions } from '../../src/poisson-flow.js'
import { sharedFolder } from '../cli/cli.js'
import { safetensors } from '../golden.js'
import { tinyFlow } from '../tiny-flow.js'

const folder = sharedFolder()
const ITEM = 64
const QUICK = { solver: 'unipc', steps: 4 } as const
let flow: PoissonFlow
let made = 0

beforeAll(async () => {
  flow = await PoissonFlow.load('digits')
})
afterAll(() => flow.dispose())

const newFolder = () => join(folder, `samples-${made++}`)
const pictures = (path: string) => readdirSync(path).filter((name) => name.endsWith('.png'))
const pixels = (path: string, name: string) => sharp(join(path, name)).toColourspace('b-w').raw().toBuffer()
const read = (path: string, name: string) => JSON.parse(readFileSync(join(path, name), 'utf8'))
const bytes = (path: string) => pictures(path).map((name) => readFileSync(join(path, name)).toString('hex'))

describe('a folder of samples', () => {
  it('has the picture of each sample, by its seed and at its own size, whatever the batch', async () => {
    const { images } = await flow.sample({ ...QUICK, count: 7, seed: 999_996 })
    const expected = Uint8Array.from(await images.data(), (value) =>
      Math.min(255, Math.max(0, Math.round((value + 1) * 127.5))),
    )
    images.dispose()
    const [few, many] = [newFolder(), newFolder()]
    const handles = memory().handles
    const options = { ...QUICK, count: 7, seed: 999_996 }
    const result = await flow.sampleToFolder(few, { ...options, batchSize: 3 })
    expect(result).toEqual({ count: 7, drawn: 7, nfe: 4, outside: 0, unfinished: 0 })
    await flow.sampleToFolder(many, options)
    expect(memory().handles).toBe(handles)
    const names = ['0999996', '0999997', '0999998', '0999999', '1000000', '1000001', '1000002']
    expect(pictures(few)).toEqual(names.map((name) => `${name.replace(/^0/, '')}.png`).sort())
    for (const [i, name] of names.entries()) {
      const file = `${name.replace(/^0/, '')}.png`
      expect([...(await pixels(few, file))]).toEqual([...expected.subarray(i * ITEM, (i + 1) * ITEM)])
    }
    expect(bytes(many)).toEqual(bytes(few))
    expect(readdirSync(few).filter((name) => !name.endsWith('.png'))).toEqual(['samples.json'])
  })

  it('gets the pictures that it lacks, and no other is touched; more may be asked for', async () => {
    const path = newFolder()
    await flow.sampleToFolder(path, { ...QUICK, count: 5 })
    const before = bytes(path)
    for (const name of ['000001.png', '000003.png']) rmSync(join(path, name))
    writeFileSync(join(path, '.tmp-000001.png-1-abcd'), 'half')
    const kept = statSync(join(path, '000002.png')).mtimeMs
    const seen: number[] = []
    const onProgress: SampleFolderOptions['onProgress'] = ({ finished, written, count, fraction }) => {
      const inOrder = written <= finished && finished / count <= fraction && fraction <= 1
      expect({ count, inOrder }).toEqual({ count: 2, inOrder: true })
      seen.push(written)
    }
    expect(await flow.sampleToFolder(path, { ...QUICK, count: 5, onProgress })).toMatchObject({ drawn: 2 })
    expect(seen.at(-1)).toBe(2)
    expect(bytes(path)).toEqual(before)
    expect(statSync(join(path, '000002.png')).mtimeMs).toBe(kept)
    expect(readdirSync(path).filter((name) => name.startsWith('.'))).toEqual([])

    expect(await flow.sampleToFolder(path, { ...QUICK, count: 8 })).toMatchObject({ count: 8, drawn: 3 })
    expect(await flow.sampleToFolder(path, { ...QUICK, count: 3 })).toMatchObject({
      count: 3,
      drawn: 0,
      nfe: 0,
    })
    expect(pictures(path)).toHaveLength(8)
    expect(read(path, 'samples.json')).toMatchObject({ seed: '0', count: 8, options: QUICK })
  })

  it('that is broken off keeps whole pictures, and has the same ones in the end', async () => {
    const [path, whole] = [newFolder(), newFolder()]
    const abort = new AbortController()
    const onProgress = ({ written }: { written: number }) => {
      if (written > 0) abort.abort(new Error('enough'))
    }
    const options = { ...QUICK, count: 40, batchSize: 16 }
    const failure = flow.sampleToFolder(path, { ...options, onProgress, signal: abort.signal })
    await expect(failure).rejects.toThrow('enough')
    const there = pictures(path).length
    expect(there).toBeGreaterThan(0)
    expect(there).toBeLessThan(40)
    expect(readdirSync(path).filter((name) => name.startsWith('.'))).toEqual([])
    expect(await flow.sampleToFolder(path, options)).toMatchObject({ drawn: 40 - there })
    await flow.sampleToFolder(whole, options)
    expect(bytes(path)).toEqual(bytes(whole))
  })

  it('says of which class each picture is', async () => {
    const [one, rows] = [newFolder(), newFolder()]
    await flow.sampleToFolder(one, { ...QUICK, count: 2, labels: 7 })
    await flow.sampleToFolder(one, { ...QUICK, count: 3, labels: 7 })
    const named = (labels: number[]) => labels.map((label, i) => [`00000${i}.png`, label])
    expect(read(one, 'dataset.json')).toEqual({ labels: named([7, 7, 7]) })
    await flow.sampleToFolder(rows, { ...QUICK, labels: [3, 3, 8], count: 3, guidance: 2 })
    expect(read(rows, 'dataset.json')).toEqual({ labels: named([3, 3, 8]) })
    const { images } = await flow.sample({ ...QUICK, labels: [3, 3, 8], count: 3, guidance: 2 })
    const [, , last] = await Promise.all([0, 1, 2].map((i) => pixels(rows, `00000${i}.png`)))
    const values = (await images.data()).subarray(2 * ITEM)
    images.dispose()
    expect([...last!]).toEqual(
      Array.from(values, (value) => Math.min(255, Math.max(0, Math.round((value + 1) * 127.5)))),
    )
    const more = flow.sampleToFolder(rows, { ...QUICK, labels: [3, 3, 8, 8], count: 4, guidance: 2 })
    await expect(more).rejects.toThrow('Expected the samples to be of the same classes as those in')
  })

  it('of other settings, or of something else, is left alone', async () => {
    const path = newFolder()
    await flow.sampleToFolder(path, { ...QUICK, count: 2, labels: 1 })
    const before = readdirSync(path).map((name) => [name, readFileSync(join(path, name), 'hex')])
    const refused: [SampleFolderOptions, string][] = [
      [
        { ...QUICK, labels: 1, seed: 1 },
        `Expected seed to be "0", as of the samples in ${path}, but received "1"`,
      ],
      [{ ...QUICK, labels: 1, steps: 5 }, 'Expected steps to be 4, as of'],
      [{ labels: 1 }, 'Expected solver to be "unipc", as of'],
      [{ ...QUICK, labels: 1, guidance: 2 }, 'Expected guidance to be none, as of'],
      [{ ...QUICK, labels: 1, maxEvaluations: 20 }, 'Expected maxEvaluations to be none, as of'],
      [{ ...QUICK, labels: 2 }, 'Expected the samples to be of the same classes'],
      [QUICK, 'Expected the samples to be of the same classes'],
    ]
    for (const [options, message] of refused) {
      const failure = flow.sampleToFolder(path, { count: 3, ...options })
      await expect(failure).rejects.toThrow(RangeError)
      await expect(failure).rejects.toThrow(message)
    }
    using network = await Network.create(flow.network.config, { seed: 1 })
    const { network: _, ...config } = flow.config
    const other = PoissonFlow.of(network, config)
    await expect(other.sampleToFolder(path, { ...QUICK, labels: 1 })).rejects.toThrow(
      `Expected the model to be the one that the samples in ${path} are of`,
    )
    expect(readdirSync(path).map((name) => [name, readFileSync(join(path, name), 'hex')])).toEqual(before)

    const photos = newFolder()
    mkdirSync(photos)
    writeFileSync(join(photos, '000003.png'), 'a photograph')
    await expect(flow.sampleToFolder(photos, QUICK)).rejects.toThrow('to be an empty folder, or one with')
    expect(readdirSync(photos)).toEqual(['000003.png'])
    await expect(flow.sampleToFolder(join(photos, '000003.png'))).rejects.toThrow('to be a folder but')
    writeFileSync(join(path, 'samples.json'), '{')
    await expect(flow.sampleToFolder(path, { ...QUICK, labels: 1 })).rejects.toMatchObject({
      code: 'ERR_PFGM_DATA',
    })
  })

  it('is drawn into by one at a time', async () => {
    const path = newFolder()
    mkdirSync(path)
    const lock = lockRun(path, 'drawing')
    await expect(flow.sampleToFolder(path, QUICK)).rejects.toMatchObject({
      code: 'ERR_PFGM_RUN_BUSY',
      message: expect.stringContaining('this process is drawing there itself'),
    })
    lock[Symbol.dispose]()
  })

  it('says what it cannot hold before any work', async () => {
    const path = newFolder()
    using points = await tinyFlow()
    await expect(points.sampleToFolder(path)).rejects.toThrow('Expected a model of images')
    const wrong: [object, string][] = [
      [
        { solver: 'euler-maruyama', corrector: 'langevin', norms: 'batch' },
        'Expected norms to be sample for a folder',
      ],
      [{ batchTolerance: 'joint' }, 'received one with "batchTolerance"'],
      [{ guidance: 2 }, 'Expected labels beside guidance'],
      [{ labels: 10 }, 'Expected labels to be an integer from -1 to 9'],
      [{ labels: [1, 2], count: 3 }, 'Expected labels to have one value a sample, 3, but received 2'],
      [{ count: 0 }, 'Expected count to be an integer from 1'],
    ]
    for (const [options, message] of wrong) {
      await expect(flow.sampleToFolder(path, options)).rejects.toThrow(message)
    }
    expect(existsSync(path)).toBe(false)
  })

  it('names the samples that are no pictures when all others are drawn', async () => {
    const broken = join(folder, 'broken.safetensors')
    await flow.save(broken)
    breakBias(broken)
    using poor = await PoissonFlow.load(broken)
    const path = newFolder()
    await expect(poor.sampleToFolder(path, { ...QUICK, count: 12 })).rejects.toMatchObject({
      code: 'ERR_PFGM_NOT_FINITE',
      message: expect.stringMatching(/^The samples of seeds (\d+, ){9}\d+ and 2 more have no pictures in /),
    })
    expect(readdirSync(path)).toEqual(['samples.json'])
  })
})

/** Makes a number of a model's file NaN, and takes its checksum away. */
function breakBias(path: string): void {
  const file = readFileSync(path)
  const length = Number(file.readBigUInt64LE())
  const header = JSON.parse(file.subarray(8, 8 + length).toString())
  delete header.__metadata__.checksum
  const data = file.subarray(8 + length)
  const bias = safetensors(path)
    .names.filter((name) => name.endsWith('bias'))
    .at(-1)!
  data.writeFloatLE(Number.NaN, header[bias].data_offsets[0])
  const text = Buffer.from(JSON.stringify(header).padEnd(length))
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(path, Buffer.concat([size, text, data]))
}
