import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { betasOf } from '../../src/checkpoint/converters/diffusers-betas.js'
import { convert } from '../../src/model/convert.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { float32, golden, goldenPath, maxAbsoluteError } from '../golden.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-diffusers-'))
afterAll(() => rmSync(folder, { recursive: true }))
const out = join(folder, 'converted.safetensors')

/** The largest error of what a network gives, in parts of the largest value. */
async function errorOf(model: PoissonFlow, name: string, byLibtorch: boolean): Promise<number> {
  const file = golden(`diffusers/${name}.safetensors`)
  const labels = file.names.includes('labels') ? Int32Array.of(0, 1, 2, 1) : undefined
  using x = await float32(file.array('x'))
  using t = await float32(file.array('t'))
  const { x: given } = await model.network.forward(x, t, labels, { byLibtorch })
  using owned = given
  const { values } = file.array('given')
  return maxAbsoluteError(await owned.data(), values) / Math.max(...values.map(Math.abs))
}

/** A copy of a folder whose config has other fields. */
function changed(fields: Record<string, unknown>): string {
  const copy = mkdtempSync(join(folder, 'changed-'))
  cpSync(goldenPath('diffusers/labelled'), copy, { recursive: true })
  const file = join(copy, 'config.json')
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...fields }))
  return copy
}

describe('folders of diffusers', () => {
  it.each([
    ['a pipeline', 'ddpm', 'ddpm'],
    ['a network of classes, its sides of two lengths', 'labelled', 'labelled'],
    ['an older network, its weights in a pickle', 'older', 'ddpm'],
  ])('%s: the network gives what it gave there', async (_, name, expected) => {
    using model = await PoissonFlow.load(goldenPath(`diffusers/${name}`))
    expect(model.config.flow.kind).toBe('vp')
    expect(await errorOf(model, expected, false)).toBeLessThan(1e-5)
    expect(await errorOf(model, expected, true)).toBeLessThan(1e-5)
  })

  it('is a model like others: converted, drawn from, exported', async () => {
    const { notes } = await convert(goldenPath('diffusers/labelled'), out)
    expect(notes).toEqual([expect.stringContaining('The folder has no scheduler')])
    using model = await PoissonFlow.load(out)
    expect(await errorOf(model, 'labelled', false)).toBeLessThan(1e-5)
    const { images } = await model.sample({ count: 2, labels: 1, solver: 'heun', steps: 4 })
    using drawn = images
    expect(drawn.shape).toEqual([2, 1, 8, 12])
    expect((await drawn.data()).every(Number.isFinite)).toBe(true)
  })

  it('tells the network the step whose noise it is, to less than one', () => {
    const alphas = golden('diffusers/ddpm.safetensors').array('alphas').values
    const { betaMin, betaMax } = betasOf('')
    for (const [i, alpha] of alphas.entries()) {
      const [depth, half] = [-Math.log(alpha) / 2, betaMin / 2]
      const t = (2 * depth) / (half + Math.sqrt(half ** 2 + (betaMax - betaMin) * depth))
      expect(Math.abs(999 * t - i)).toBeLessThan(1)
    }
  })

  it.each([
    ['the UNet2DConditionModel of diffusers', { _class_name: 'UNet2DConditionModel' }],
    ['resnet_time_scale_shift is "scale_shift"', { resnet_time_scale_shift: 'scale_shift' }],
    [
      'a block "SkipDownBlock2D"',
      { down_block_types: ['SkipDownBlock2D', 'AttnDownBlock2D', 'DownBlock2D'] },
    ],
    ['other levels on the way up', { up_block_types: ['AttnUpBlock2D', 'UpBlock2D', 'UpBlock2D'] }],
    ['gives other channels', { out_channels: 2 }],
    ['blockChannels', { block_out_channels: 'x' }],
    ['imageSize', { sample_size: null }],
    ['a tensor down_blocks.2.resnets.0.conv2.weight of [32, 32', { block_out_channels: [8, 16, 32] }],
    ['a tensor conv_in.weight of [16384', { block_out_channels: [16384, 16384, 16384] }],
    ['headChannels', { attention_head_dim: 5 }],
  ])('what is no such network is refused: %s', async (words, fields) => {
    await expect(convert(changed(fields), out)).rejects.toThrow(words)
  })

  it.each([
    [{ prediction_type: 'v_prediction' }, 'predicts v_prediction'],
    [{ beta_schedule: 'squaredcos_cap_v2' }, 'squaredcos_cap_v2'],
    [{ num_train_timesteps: 4000 }, '4000 steps'],
    [{ rescale_betas_zero_snr: true }, 'rescaled'],
    [{ trained_betas: [0.1, 0.2] }, 'trained_betas that are none'],
    [{ _class_name: 'FlowMatchEulerDiscreteScheduler' }, 'FlowMatchEulerDiscreteScheduler'],
    [{ _class_name: 'EDMEulerScheduler' }, 'EDMEulerScheduler'],
  ])('another schedule of noise is refused: %j', (scheduler, words) => {
    expect(() => betasOf('model', scheduler)).toThrow(words)
  })

  it('betas of their own that are no line are refused, too', () => {
    const betas = Array.from({ length: 1000 }, (_, i) => 1e-4 + 2e-8 * i ** 2)
    expect(() => betasOf('model', { trained_betas: betas })).toThrow('no line')
  })

  it('what config.json does not say may be given', async () => {
    const sizeless = changed({ sample_size: null })
    using model = await PoissonFlow.load(sizeless, { network: { imageSize: [8, 12] }, flow: { kind: 'vp' } })
    expect(await errorOf(model, 'labelled', false)).toBeLessThan(1e-5)
  })

  it('a scheduler that is cut short is none that is missing', async () => {
    const copy = mkdtempSync(join(folder, 'pipeline-'))
    cpSync(goldenPath('diffusers/ddpm'), copy, { recursive: true })
    writeFileSync(join(copy, 'scheduler', 'scheduler_config.json'), '{"_class_name": "DDPM')
    await expect(convert(copy, out)).rejects.toThrow('the settings of a scheduler')
  })

  it('weights that are missing are named', async () => {
    const copy = changed({})
    rmSync(join(copy, 'diffusion_pytorch_model.safetensors'))
    await expect(convert(copy, out)).rejects.toThrow('diffusion_pytorch_model.safetensors or .bin')
  })
})
