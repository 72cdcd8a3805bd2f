import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { convert } from '../../src/model/convert.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { followed } from '../flow/followed.js'
import { golden, goldenPath, maxAbsoluteError, safetensors } from '../golden.js'
import { torchLegacy } from './torch-writer.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-k-diffusion-'))
afterAll(() => rmSync(folder, { recursive: true }))
const out = join(folder, 'converted.safetensors')

const STATE = goldenPath('k-diffusion/state.pth')
const SLIM = goldenPath('k-diffusion/slim.safetensors')
const LABELS = { state: undefined, slim: Int32Array.of(0, 2, 1, 2) }
type Name = keyof typeof LABELS

/** What a model denoises, by EDM's preconditioning written out. */
async function denoised(model: PoissonFlow, name: Name, byLibtorch: boolean): Promise<Float32Array> {
  const file = golden(`k-diffusion/${name}-outputs.safetensors`)
  const [x, sigmas] = [file.array('x'), file.array('sigma').values]
  const data = (model.config.flow as { sigmaData: number }).sigmaData
  const sigmaOf = (i: number): number => sigmas[Math.floor((i * sigmas.length) / x.values.length)]!
  const scaled = Float32Array.from(x.values, (each, i) => each / Math.hypot(sigmaOf(i), data))
  using input = await Tensor.from<'float32'>(scaled, x.shape)
  using told = await Tensor.from<'float32'>(
    Float32Array.from(sigmas, (sigma) => Math.log(sigma) / 4),
    [sigmas.length],
  )
  const { x: given } = await model.network.forward(input, told, LABELS[name], { byLibtorch })
  using owned = given
  return (await owned.data()).map((each, i) => {
    const [sigma, all] = [sigmaOf(i), Math.hypot(sigmaOf(i), data)]
    return (data / all) ** 2 * x.values[i]! + ((sigma * data) / all) * each
  })
}

/** The slim file with another config; undefined leaves a field out. */
function changed(model: object, dataset: object = {}, tensors: object = {}): string {
  const bytes = readFileSync(SLIM)
  const length = Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  const config = JSON.parse(header.__metadata__.config)
  const all = { ...config, model: { ...config.model, ...model }, dataset: { ...config.dataset, ...dataset } }
  const text = JSON.stringify({ ...header, ...tensors, __metadata__: { config: JSON.stringify(all) } })
  const begin = Buffer.alloc(8)
  begin.writeBigUInt64LE(BigInt(Buffer.byteLength(text)))
  const file = join(mkdtempSync(join(folder, 'changed-')), 'model.safetensors')
  writeFileSync(file, Buffer.concat([begin, Buffer.from(text), bytes.subarray(8 + length)]))
  return file
}

describe('files of k-diffusion', () => {
  it.each([
    ["a training's state, of a wrapper of augmentation and with variance", 'state', STATE],
    ['a slim file of halves, of patches and classes, its sides of two lengths', 'slim', SLIM],
  ] as const)('%s: denoises and samples as there', async (_, name, path) => {
    using model = await PoissonFlow.load(path)
    const file = golden(`k-diffusion/${name}-outputs.safetensors`)
    const expected = file.array('denoised').values
    for (const byLibtorch of [false, true])
      expect(maxAbsoluteError(await denoised(model, name, byLibtorch), expected)).toBeLessThan(1e-5)
    const starts = Float64Array.from(file.array('latents').values)
    const solver = { solver: 'heun', schedule: 'karras', rho: 7, steps: 8 } as const
    const labels = LABELS[name]
    const { samples } = await followed(model, starts, file.array('x').shape.slice(1), solver, {
      ...(labels && { labels }),
    })
    expect(maxAbsoluteError(samples, file.array('sample').values)).toBeLessThan(1e-5)
  })

  it('is a model like others: converted, drawn from, with what its config says', async () => {
    const { family, config, notes } = await convert(STATE, out)
    expect([family, notes]).toEqual(['a checkpoint of k-diffusion', []])
    expect(config).toEqual({
      network: {
        kind: 'k-unet',
        channels: 1,
        imageSize: 8,
        mappingChannels: 8,
        depths: [1, 1],
        blockChannels: [4, 8],
        attends: [false, true],
        dropout: 0.05,
        labels: 0,
      },
      flow: {
        kind: 'edm',
        sigmaMax: 80,
        sigmaMin: 0.01,
        sigmaData: 0.5,
        pMean: -1.2,
        pStd: 1.2,
        target: 'image',
      },
      data: 'pictures',
      step: 2,
    })
    using model = await PoissonFlow.load(out)
    const { images } = await model.sample({ count: 2, solver: 'heun', steps: 4 })
    using drawn = images
    expect(drawn.shape).toEqual([2, 1, 8, 8])
    expect((await drawn.data()).every(Number.isFinite)).toBe(true)
  })

  it('weights keep their bits, but for what has no use', async () => {
    const name = 'u_net.u_blocks.0.0.main.2.weight'
    const published = readFileSync(SLIM)
    const length = Number(published.readBigUInt64LE())
    const [begin, end] = JSON.parse(published.toString('utf8', 8, 8 + length))[`inner_model.${name}`]
      .data_offsets
    await convert(SLIM, out, { dtype: 'F16' })
    const made = readFileSync(out)
    const madeLength = Number(made.readBigUInt64LE())
    const header = JSON.parse(made.toString('utf8', 8, 8 + madeLength))
    const bytes = made.subarray(8 + madeLength + header[name].data_offsets[0])
    const whole = published.subarray(8 + length + begin, 8 + length + end)
    expect(bytes.subarray(0, end - begin).equals(whole)).toBe(true)
    expect(header['map_label.weight'].shape).toEqual([16, 3])
    await convert(STATE, out)
    expect(safetensors(out).array('proj_out.weight').shape).toEqual([1, 4, 1, 1])
    expect(safetensors(out).names.filter((each) => /kernel|mapping_cond/.test(each))).toEqual([])
  })

  it('ln sigma of a normal distribution is that of further training', async () => {
    const density = { type: 'lognormal', loc: -0.5, scale: 1.1 }
    const { config } = await convert(changed({ sigma_sample_density: density }, { type: 'mnist' }), out)
    expect(config.flow).toMatchObject({ pMean: -0.5, pStd: 1.1 })
    expect(config.data).toBe('mnist')
  })

  it.each([
    [{ type: 'image_transformer_v2' }, {}, 'a model of the type "image_transformer_v2"'],
    [{ type: 'image_transformer_v1' }, {}, 'of which it has image_v1 alone'],
    [{ unet_cond_dim: 3 }, {}, 'whose unet_cond_dim is 3'],
    [{ cross_cond_dim: 768 }, {}, 'whose cross_cond_dim is 768'],
    [{ skip_stages: 1 }, {}, 'whose skip_stages is 1'],
    [{}, { num_classes: 5 }, 'whose mapping_cond_dim is 3 and no number of classes'],
    [{ mapping_cond_dim: 2 }, { num_classes: 2 }, 'mapping_cond.weight of 2 or 11 columns'],
    [{ depths: [2, 2] }, {}, 'u_net.d_blocks.1.3.main.6.weight of [16, 16, 3, 3]'],
    [{ depths: [2] }, {}, 'as many levels as depths and attends have'],
    [{ depths: undefined }, {}, 'depths'],
    [{ channels: [8, 32] }, {}, 'u_net.d_blocks.1.1.main.6.weight of [32, 32, 3, 3]'],
    [{ patch_size: 1 }, {}, 'proj_in.weight of [8, 3, 1, 1]'],
    [{ mapping_out: 32 }, {}, 'mapping.0.weight of [32, 32]'],
    [{ input_size: [8] }, {}, 'imageSize'],
    [{ input_size: [8, 10] }, {}, 'a multiple of 4'],
    [{ sigma_data: 'x' }, {}, 'sigmaData'],
    [{ sigma_max: 0.001 }, {}, 'sigmaMin'],
  ])('what is no such network is refused: %j %j', async (model, dataset, words) => {
    await expect(convert(changed(model, dataset), out)).rejects.toThrow(words)
  })

  it('tensors that are of another network are refused', async () => {
    const entry = { dtype: 'F16', shape: [8], data_offsets: [0, 16] }
    const other = changed({}, {}, { 'inner_model.u_net.d_blocks.1.0.kernel': entry })
    await expect(convert(other, out)).rejects.toThrow('d_blocks.1.0.kernel of [4, 4] but received one of [8]')
    const more = changed({}, {}, { 'inner_model.extra.weight': entry })
    await expect(convert(more, out)).rejects.toThrow('extra.weight, which the network has no place for')
  })

  it('a state without a config needs all of it', async () => {
    const file = join(folder, 'state.pth')
    writeFileSync(file, torchLegacy({ model: {}, model_ema: {} }))
    await expect(convert(file, out)).rejects.toThrow('a checkpoint of k-diffusion without its config')
    const flow = { kind: 'edm', sigmaData: 0.5 } as const
    await expect(convert(file, out, { flow, network: { channels: 1 } })).rejects.toThrow('imageSize')
  })
})
