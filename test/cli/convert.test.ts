import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { calledWith, edmSnapshot, scoreSdeCheckpoint, weightsFor } from '../checkpoint/others-files.js'
import { torchLegacy, torchPickle, torchZip } from '../checkpoint/torch-writer.js'
import { publishedNetwork } from '../golden.js'
import { DDPMPP, SMALL } from '../nn/small-networks.js'
import { jsonLines, run, sharedFolder } from './cli.js'

const folder = sharedFolder()
const SONG = { kind: 'song', ...SMALL, ...DDPMPP } as const
const UNET = { ...publishedNetwork('ddpmpp-16/config.json'), nf: 4, imageSize: 8, attnResolutions: [8] }

beforeAll(async () => {
  writeFileSync(
    join(folder, 'snapshot.pkl'),
    torchPickle(edmSnapshot(await weightsFor(SONG), calledWith(SONG))),
  )
  writeFileSync(join(folder, 'checkpoint.pth'), await torchZip(scoreSdeCheckpoint(await weightsFor(UNET))))
  writeFileSync(join(folder, 'network.json'), '{"network": {"imageSize": 8}}')
  const image = await weightsFor({ ...UNET, output: 'image' })
  writeFileSync(join(folder, 'image.pth'), torchLegacy(scoreSdeCheckpoint(image)))
})

describe('convert', () => {
  it('writes a model that other commands take, and says what it is', async () => {
    const converted = await run(folder, 'convert', 'snapshot.pkl', '--out', 'model.safetensors')
    expect(converted).toMatchObject({ code: 0, stderr: '' })
    expect(converted.stdout).toMatch(
      /^a snapshot of EDM or PFGM\+\+: song for images of 8, [\d,]+ parameters, edm\n/,
    )
    expect(converted.stdout).toContain('npx pfgm-torch sample model.safetensors')
    const info = await run(folder, 'info', 'model.safetensors', '--json')
    expect(jsonLines(info)[0]).toMatchObject({
      model: { data: 'pictures.zip', network: SONG, flow: { kind: 'edm' } },
    })
    // The same draws from the file itself.
    const draw = ['--count', '2', '--solver', 'heun', '--steps', '3', '--seed', '1']
    for (const source of ['model.safetensors', 'snapshot.pkl']) {
      expect(await run(folder, 'sample', source, ...draw, '--out', `${source}.png`)).toMatchObject({
        code: 0,
      })
    }
    const pictures = ['model.safetensors.png', 'snapshot.pkl.png'].map((name) =>
      readFileSync(join(folder, name)),
    )
    expect(pictures[0]).toEqual(pictures[1])
  })

  it('takes what tensors do not tell, and says what is missing', async () => {
    const flow = 'pfgm,M=274,zMax=26,upperNorm=456'
    const given = ['--network', 'network.json', '--flow', flow, '--json', '--dtype', 'F16']
    const [line] = jsonLines(await run(folder, 'convert', 'checkpoint.pth', ...given))
    expect(line).toMatchObject({
      out: 'checkpoint.safetensors',
      family: 'a checkpoint of PFGM or score_sde',
      config: { step: 7, network: { imageSize: 8, attnResolutions: [8] }, flow: { kind: 'pfgm', M: 274 } },
      notes: [],
    })
    const missing = await run(folder, 'convert', 'checkpoint.pth', '--out', 'none.safetensors')
    expect(missing).toMatchObject({ code: 2, stdout: '' })
    expect(missing.stderr).toMatch(
      /^error: Expected --flow to have M, zMax, upperNorm, which checkpoint\.pth does not say/,
    )
    expect(existsSync(join(folder, 'none.safetensors'))).toBe(false)
    const untold = await run(folder, 'info', 'image.pth')
    expect(untold).toMatchObject({ code: 2 })
    expect(untold.stderr).toContain('convert it with --flow vp or --flow subvp')
  })

  it('refuses other files in a line', async () => {
    writeFileSync(join(folder, 'text.pth'), 'no model')
    for (const [args, message] of [
      [['text.pth'], /^error: text\.pth is not a whole safetensors file: .*\n$/],
      [['none.pth'], /^error: Expected a run folder, a model file .* but received 'none\.pth'\n$/],
      [['snapshot.pkl', '--out', 'model.pkl'], /^error: Expected --out to end in \.safetensors/],
      [['snapshot.pkl', '--network', 'text.pth'], /^error: Expected text\.pth to be JSON/],
      [['digits', '--flow', 'vp'], /^error: Expected no flow for digits/],
    ] as const) {
      const { code, stderr } = await run(folder, 'convert', ...args)
      expect(code).not.toBe(0)
      expect(stderr).toMatch(message)
    }
  })

  it('training begins from such a file', async () => {
    const options = [
      '--steps',
      '2',
      '--batch-size',
      '8',
      '--small-batch-size',
      '4',
      '--evaluation-count',
      '0',
    ]
    const args = ['digits', '--init-from', 'snapshot.pkl', '--out', 'run', '--sample-every', '0', ...options]
    const trained = await run(folder, 'train', ...args, '--json')
    expect(trained).toMatchObject({ code: 0 })
    const config = JSON.parse(readFileSync(join(folder, 'run', 'config.json'), 'utf8'))
    expect(config).toMatchObject({
      initFrom: 'snapshot.pkl',
      network: SONG,
      flow: { kind: 'edm', sigmaData: 0.5 },
    })
  })
})
