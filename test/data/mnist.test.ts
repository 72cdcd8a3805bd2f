import { createReadStream, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { findMnist, MNIST_FILES, MNIST_KINDS, mnistCache } from '../../src/data/mnist.js'
import { downloadMnist } from '../../src/data/mnist-download.js'
import { datasets, openDataset } from '../../src/index.js'
import { serve, temporaryFolder } from '../install/helpers.js'

/** Where Debian's package dataset-fashion-mnist puts the files. */
const DEBIAN = MNIST_KINDS.fashion.debian
const here = existsSync(join(DEBIAN, `${MNIST_FILES[0]}.gz`))
if (!here) console.warn('Fashion-MNIST is not read: apt-get install dataset-fashion-mnist brings it')

afterEach(() => void vi.unstubAllEnvs())

/** A cache and a folder of data of this test's own. */
function ownPlaces(): { data: string } {
  const [data, cache] = [temporaryFolder(), temporaryFolder()]
  vi.stubEnv('PFGM_DATA', data)
  vi.stubEnv('PFGM_CACHE', cache)
  return { data }
}

/** A file of MNIST's form with few items. */
function idxBytes(name: string, count: number): Uint8Array {
  const dims = name.includes('labels') ? [count] : [count, 28, 28]
  const header = [0, 0, 8, dims.length, ...dims.flatMap((size) => [0, 0, size >> 8, size & 255])]
  return Uint8Array.of(...header, ...new Uint8Array(dims.reduce((product, size) => product * size, 1)))
}

describe.runIf(here)('fashion', () => {
  it('has its two parts, labels and the names of its classes', async () => {
    const test = await openDataset('fashion:test')
    expect(test).toMatchObject({ name: 'fashion:test', count: 10_000, shape: [1, 28, 28], mirror: false })
    expect(test.classes).toHaveLength(10)
    // The first ten items that were published.
    expect([...test.labels!.slice(0, 10)]).toEqual([9, 2, 1, 1, 6, 1, 4, 6, 5, 7])
    const train = await openDataset('fashion', { mirror: true })
    expect(train).toMatchObject({ name: 'fashion', count: 60_000, mirror: true })
  })

  it('is found in a folder of the user first, unpacked or not, also as torchvision keeps it', async () => {
    const { data } = ownPlaces()
    expect(await findMnist('fashion')).toBe(DEBIAN)
    const raw = join(data, 'FashionMNIST', 'raw')
    mkdirSync(raw, { recursive: true })
    for (const file of MNIST_FILES) symlinkSync(join(DEBIAN, `${file}.gz`), join(raw, file))
    expect(await findMnist('fashion')).toBe(raw)
    expect((await datasets.fashion({ split: 'test' })).count).toBe(10_000)
  })

  it('is downloaded once, and again where a file was damaged, from the first address that has it', async () => {
    ownPlaces()
    const asked: string[] = []
    const url = await serve((request, response) => {
      asked.push(request.url!)
      createReadStream(join(DEBIAN, basename(request.url!))).pipe(response)
    })
    vi.stubEnv('PFGM_DATA_URL', url)
    const folder = await downloadMnist('fashion', () => {})
    expect(folder).toBe(mnistCache('fashion'))
    expect(asked).toEqual(MNIST_FILES.map((file) => `/fashion/${file}.gz`))
    const labels = `${MNIST_FILES[3]}.gz`
    writeFileSync(join(folder, labels), gzipSync('something else'))
    await downloadMnist('fashion', () => {})
    expect(asked.slice(4)).toEqual([`/fashion/${labels}`])
  })
})

describe('a data set in the form of MNIST', () => {
  it('says what to do where it is nowhere', async () => {
    ownPlaces()
    await expect(openDataset('mnist')).rejects.toThrow(
      /but received nothing there: download it by `npx pfgm-torch data mnist`$/,
    )
  })

  it('is refused where it has another number of images', async () => {
    const { data } = ownPlaces()
    mkdirSync(join(data, 'mnist'))
    for (const file of MNIST_FILES) writeFileSync(join(data, 'mnist', file), idxBytes(file, 3))
    await expect(datasets.mnist()).rejects.toThrow(
      'expected 60000 images of 28 x 28 but received 3 of 28 x 28',
    )
  })

  it.each([
    ['another file than was published', gzipSync('not MNIST'), 'is not the file that was published'],
    ['what is no gzip file', Buffer.from('<html>'), 'is not the file that was published'],
  ])('leaves nothing of %s', async (_, body, message) => {
    ownPlaces()
    for (const name of ['mnist', 'fashion'] as const) {
      const url = await serve((_request, response) => void response.end(body))
      vi.stubEnv('PFGM_DATA_URL', url)
      await expect(downloadMnist(name, () => {})).rejects.toThrow(message)
      expect(readdirSync(mnistCache(name))).toEqual([])
    }
  })

  it('says what each address answered', async () => {
    ownPlaces()
    const url = await serve((_request, response) => void response.writeHead(404).end())
    vi.stubEnv('PFGM_DATA_URL', `${url}/data`)
    await expect(downloadMnist('mnist', () => {})).rejects.toThrow(
      `${url}/data/mnist/train-images-idx3-ubyte.gz could not be downloaded: the server answered 404 Not Found.`,
    )
  })
})
