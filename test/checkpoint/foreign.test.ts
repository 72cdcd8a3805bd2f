import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { convert } from '../../src/model/convert.js'
import type { SongConfig, UnetConfig } from '../../src/nn/config.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { followed } from '../flow/followed.js'
import { float32, golden, goldenJson, maxAbsoluteError, publishedNetwork, safetensors } from '../golden.js'
import { anyUnet } from '../nn/any-unet.js'
import { DDPMPP, NCSNPP, SMALL } from '../nn/small-networks.js'
import { calledWith, edmSnapshot, publishedFile, scoreSdeCheckpoint, weightsFor } from './others-files.js'
import { Named, torchLegacy, torchPickle, torchZip, Written } from './torch-writer.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-foreign-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
/** A file with such bytes. */
function fileOf(bytes: Buffer, ending = 'pth'): string {
  const path = join(folder, `${files++}.${ending}`)
  writeFileSync(path, bytes)
  return path
}

const out = join(folder, 'converted.safetensors')

/** The bits of every tensor, by its name. */
function bitsOf(path: string, names: readonly string[] = safetensors(path).names): Map<string, string> {
  const file = safetensors(path)
  return new Map(
    names.map((name) => {
      const { shape, values } = file.array(name)
      const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
      return [name, `${shape.join()} ${bytes.toString('base64')}`]
    }),
  )
}

/** Those of a golden's weights, whose names have a prefix. */
function goldenBits(name: string, prefix = ''): Map<string, string> {
  const path = new URL(`../goldens/${name}`, import.meta.url).pathname
  const left = /(^sigmas|\.resample_filter)$/
  const kept = golden(name).names.filter((each) => !left.test(each))
  return new Map([...bitsOf(path, kept)].map(([each, bits]) => [each.slice(prefix.length), bits]))
}

function writtenBits(weights: ReadonlyMap<string, Written>): Map<string, string> {
  return new Map(
    [...weights].map(([name, { shape, values }]) => [
      name,
      `${shape.join()} ${Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64')}`,
    ]),
  )
}

const asObject = (map: ReadonlyMap<string, string>) => Object.fromEntries([...map].sort())

describe("PFGM's published checkpoint", () => {
  const { training, sampling } =
    goldenJson<Record<'training' | 'sampling', Record<string, number>>>('ddpmpp-digits/config.json')
  const flow = { M: training.M!, zMax: sampling.z_max!, upperNorm: sampling.upper_norm! }
  const given = { network: { imageSize: 8 }, flow } as const
  const path = fileOf(publishedFile('checkpoint.pth', 'ddpmpp-digits/ema-weights.safetensors'))

  it('has the averaged weights, bit for bit, and its network is the configured one', async () => {
    const { config, family, notes } = await convert(path, out, given)
    expect(family).toBe('a checkpoint of PFGM or score_sde')
    expect(asObject(bitsOf(out))).toEqual(asObject(goldenBits('ddpmpp-digits/ema-weights.safetensors')))
    const published = publishedNetwork('ddpmpp-digits/config.json')
    expect({ ...config.network, output: undefined }).toEqual({
      ...published,
      dropout: 0.1,
      output: undefined,
    })
    expect(config).toMatchObject({ step: 1500, flow: { kind: 'pfgm', ...flow, gamma: 5, zExp: 5 } })
    expect(notes).toEqual([])
  })

  it('draws what the published sampler draws', async () => {
    const samples = golden('ddpmpp-digits/samples.safetensors')
    using model = await PoissonFlow.load(path, given)
    using start = await float32(samples.array('start'))
    const published = { batchTolerance: 'joint', publishedEpsilon: true } as const
    const { images, nfe } = await model.sample({ count: 8, start, solver: 'rk45', ...published })
    const pixels = (await images.data()).map((value) => (value + 1) / 2)
    images.dispose()
    expect(maxAbsoluteError(pixels, samples.array('rk45').values)).toBeLessThan(1e-4)
    expect(nfe).toBe(Number(samples.metadata.rk45_nfe))
  })

  it('alone is taken for what is published most often, with a word', async () => {
    const { config, notes } = await convert(path, out)
    expect(config).toMatchObject({
      network: { imageSize: 32, attnResolutions: [16] },
      flow: { M: 291, zMax: 40, upperNorm: 3000 },
    })
    expect(notes).toEqual([
      expect.stringContaining('32 x 32 pixels'),
      expect.stringContaining('M 291, zMax 40, upperNorm 3000 are taken, those of CIFAR-10'),
    ])
  })
})

describe.each([
  ['network-snapshot.pkl', { kind: 'pfgmpp', D: 128, draw: 'published' }],
  ['network-snapshot-edm.pkl', { kind: 'edm' }],
  ['training-state.pt', { kind: 'pfgmpp', D: 128, draw: 'published' }],
])('the published %s', (name, flow) => {
  const path = fileOf(publishedFile(name, 'pfgmpp/song/weights.safetensors'), 'pkl')

  it('has the weights of its ema, bit for bit', async () => {
    const { config, notes } = await convert(path, out)
    expect(asObject(bitsOf(out))).toEqual(asObject(goldenBits('pfgmpp/song/weights.safetensors', 'model.')))
    const edm = { sigmaMax: 80, sigmaMin: 0.002, sigmaData: 0.5, pMean: -1.2, pStd: 1.2, target: 'image' }
    expect(config.flow).toEqual({ ...edm, ...flow })
    expect(notes).toEqual([])
  })

  it('draws what the published sampler draws', async () => {
    const file = golden('pfgmpp/song/forward.safetensors')
    using model = await PoissonFlow.load(path)
    const starts = Float64Array.from(file.array('latents').values)
    const solver = { solver: 'heun', schedule: 'karras', rho: 7, steps: 17 } as const
    const labels = Int32Array.of(0, 1, 2, 3, 4)
    const { samples } = await followed(model, starts, [3, 8, 8], solver, { labels })
    expect(maxAbsoluteError(samples, file.array('sample').values)).toBeLessThan(1e-5)
  })
})

describe("score_sde's published networks", () => {
  const checkpointOf = async (name: string): Promise<string> => {
    const file = golden(`rivals/net-${name}/weights.safetensors`)
    const weights = new Map(
      file.names.map((each) => {
        const { shape, values } = file.array(each)
        return [each, new Written(shape, Float32Array.from(values))]
      }),
    )
    return fileOf(torchLegacy(scoreSdeCheckpoint(weights)))
  }
  const network = { imageSize: 8 } as const

  it.each(['vp', 'subvp'] as const)('%s, named, keeps its weights', async (kind) => {
    const path = await checkpointOf(kind)
    const { config } = await convert(path, out, { network, flow: { kind } })
    expect(config.flow).toMatchObject({ kind, betaMin: 0.1, betaMax: 20, tMin: 1e-3 })
    expect(asObject(bitsOf(out))).toEqual(asObject(goldenBits(`rivals/net-${kind}/weights.safetensors`)))
    await expect(convert(path, out, { network })).rejects.toThrow('Expected flow to be vp or subvp')
  })

  it('ve, of images in [0, 1], gives the same for images in [-1, 1]', async () => {
    const given = golden('rivals/net-ve/forward.safetensors')
    const path = await checkpointOf('ve')
    using model = await PoissonFlow.load(path, { network, onWarning: () => {} })
    expect(model.config).toMatchObject({
      network: { centered: true, fir: true, progressiveInput: 'residual', embedding: 'fourier' },
      flow: { kind: 've', sigmaMin: 0.02, sigmaMax: 100, tMin: 1e-5 },
    })
    const [x, sigma] = [given.array('x'), given.array('labels').values]
    using points = await Tensor.from<'float32'>(
      Float32Array.from(x.values, (value) => 2 * value - 1),
      x.shape,
    )
    using told = await Tensor.from<'float32'>(
      Float32Array.from(sigma, (each) => Math.log(2 * each)),
      [sigma.length],
    )
    using image = (await model.network.forward(points, told)).x
    const size = image.size / sigma.length
    const published = given.array('out').values.map((value, i) => value * sigma[Math.trunc(i / size)]!)
    const scale = Number(given.metadata.output_scale)
    expect(maxAbsoluteError(await image.data(), published)).toBeLessThan(1e-5 * scale)
  })
})

describe('what is recognised', () => {
  const base = publishedNetwork('reference-options/ncsnpp-inputskip-cat/config.json')
  const poisson = { M: 274, zMax: 26, upperNorm: 456 }

  it('of a U-Net is what its tensors tell, in both layouts', async () => {
    await fc.assert(
      fc.asyncProperty(anyUnet(base, [4, 8]), fc.boolean(), async (any, isZip) => {
        const config: UnetConfig = { ...any, labels: 0, centered: true }
        const weights = await weightsFor(config)
        const checkpoint = scoreSdeCheckpoint(weights)
        const path = fileOf(isZip ? await torchZip(checkpoint) : torchLegacy(checkpoint))
        const { imageSize, attnResolutions, fir, skipRescale, progressiveInput, resampWithConv } = config
        const told = { imageSize, attnResolutions, fir, skipRescale, centered: true }
        // Networks of one size have nothing that these would be seen in.
        const untold = config.chMult.length > 1 ? {} : { progressiveInput, resampWithConv }
        const flows = { positional: { kind: 'vp' }, fourier: { kind: 've' } } as const
        const flow = config.output === 'field' ? poisson : flows[config.embedding]
        const found = await convert(path, out, { network: { ...told, ...untold }, flow })
        const { chMult, nf, numResBlocks, embedding, channels, output } = config
        expect(found.config.network).toMatchObject({ chMult, nf, numResBlocks, embedding, channels, output })
        expect(asObject(bitsOf(out))).toEqual(asObject(writtenBits(weights)))
        rmSync(path)
      }),
      { numRuns: process.env.PFGM_LONG ? 1000 : 25, seed: 1 },
    )
  }, 600_000)

  const songs: [string, SongConfig][] = [
    ['DDPM++', { kind: 'song', ...SMALL, ...DDPMPP, labels: 3, augment: 9 }],
    ['NCSN++', { kind: 'song', ...SMALL, ...NCSNPP, channelMult: [1, 3] }],
  ]
  it.each(songs)("of EDM's %s is what its class was called with", async (_, config) => {
    const weights = await weightsFor(config)
    const path = fileOf(torchPickle(edmSnapshot(weights, calledWith(config))), 'pkl')
    const found = await convert(path, out)
    expect(found.config.network).toEqual(config)
    expect(found.config).toMatchObject({ data: 'pictures.zip', flow: { kind: 'edm', pMean: -1, pStd: 1.25 } })
    expect(asObject(bitsOf(out))).toEqual(asObject(writtenBits(weights)))
  })

  it("of EDM's DDPM++ in the preconditioning of VP is a flow vp", async () => {
    const config = { kind: 'song', ...SMALL, ...DDPMPP } as const
    const called = calledWith(config)
    const snapshot = edmSnapshot(
      await weightsFor(config),
      called,
      { beta_min: 0.1, beta_d: 19.9 },
      'VPPrecond',
    )
    const { flow } = (await convert(fileOf(torchPickle(snapshot)), out)).config
    expect(flow).toMatchObject({ kind: 'vp', betaMin: 0.1, betaMax: 20 })
  })
})

describe('what is no model of this package is refused in a line', () => {
  const config = { kind: 'song', ...SMALL, ...DDPMPP } as const
  const snapshot = async (
    change: Record<string, unknown>,
    ...more: [fields?: Record<string, unknown>, precond?: string]
  ) =>
    fileOf(torchPickle(edmSnapshot(await weightsFor(config), { ...calledWith(config), ...change }, ...more)))

  it.each([
    [{ decoder_type: 'skip' }, 'whose decoder_type is skip in place of standard'],
    [{ model_type: 'UNet1D' }, 'a network UNet1D'],
    [{ resample_filter: [1, 2, 1] }, 'whose resample_filter is [1,2,1]'],
    [{ channel_mult: [1, 64] }, 'enc.4x4_block0.conv1.weight of [1024, 1024, 3, 3]'],
    [{ label_dim: 4 }, 'has no tensor named map_label.weight'],
    [{ img_resolution: 'large' }, 'Expected network.imageSize'],
  ])('%j', async (change, message) => {
    await expect(convert(await snapshot(change), out)).rejects.toThrow(message)
  })

  it.each(['ECMPrecond', 'VEPrecond', 'iDDPMPrecond'])('%s', async (precond) => {
    const path = await snapshot({}, {}, precond)
    await expect(convert(path, out)).rejects.toThrow(
      `${path} to hold a network and flow of this package but received a network in ${precond}`,
    )
  })

  it('a tensor that is left over, or one that is missing', async () => {
    const weights = await weightsFor(config)
    weights.set('enc.extra.weight', new Written([1], Float32Array.of(1)))
    const path = fileOf(torchPickle(edmSnapshot(weights, calledWith(config))))
    await expect(convert(path, out)).rejects.toThrow('enc.extra.weight, which the network has no place for')
  })

  it('files of other programs, and other content', async () => {
    const k = fileOf(torchLegacy({ model: {}, model_ema: {} }))
    await expect(convert(k, out)).rejects.toThrow('a checkpoint of k-diffusion')
    const other = fileOf(torchLegacy({ state_dict: {} }))
    await expect(convert(other, out)).rejects.toThrow('a folder of diffusers but received other content')
    const own = mkdtempSync(join(folder, 'diffusers-'))
    writeFileSync(join(own, 'config.json'), JSON.stringify({ _class_name: 'UNet1DModel' }))
    await expect(convert(own, out)).rejects.toThrow('the UNet1DModel of diffusers')
  })

  it('a class of which nothing is known, with its place', async () => {
    const path = fileOf(torchLegacy({ ema: new Named('os system', ['touch ran']) }))
    await expect(convert(path, out)).rejects.toThrow(
      /received os\.system, which is no tensor and is not run, at byte \d+$/,
    )
  })

  it('what is given beside an own model, and the same file twice', async () => {
    await expect(PoissonFlow.load('digits', { flow: { kind: 'vp' } })).rejects.toThrow(
      'Expected no flow for digits',
    )
    const path = await snapshot({})
    const bytes = readFileSync(path)
    await expect(convert(path, path)).rejects.toThrow('to be another file than source')
    expect(readFileSync(path)).toEqual(bytes)
  })
})
