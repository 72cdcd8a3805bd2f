import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { jsonLines, run, runShell, sharedFolder, TINY_POINTS } from './cli.js'

const folder = sharedFolder()

function put(name: string, content: string | Uint8Array): void {
  writeFileSync(join(folder, name), content)
}

/** An IDX file: magic number, sizes, values. */
function idx(type: number, sizes: number[], values: Buffer): Buffer {
  const header = Buffer.alloc(4 + 4 * sizes.length)
  header.set([0, 0, type, sizes.length])
  for (const [axis, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * axis)
  return Buffer.concat([header, values])
}

function bigEndianFloats(values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeFloatBE(value, 4 * i)
  return bytes
}

beforeAll(async () => {
  put('text.txt', 'These are words and no tensors.\n')
  put('truncated.idx', idx(0x08, [3, 8, 8], Buffer.alloc(100)))
  put('nan.idx', idx(0x0d, [4, 2], bigEndianFloats([0.1, 0.2, 0.3, Number.NaN, 0.5, 0.6, 0.7, 0.8])))
  put('broken.json', '{')
  put('array.json', '[1]')
  put('unknown.json', '{"stesp": 12}')
  put('wrong.json', '{"steps": "12"}')
  put('network.json', '{"network": {"kind": "mlp", "dimensions": 2, "width": 1, "depth": 1}}')
  put('flow.json', '{"flow": {"gama": 5}}')
  mkdirSync(join(folder, 'folder.png'))
  const { code, stderr } = await run(folder, 'train', ...TINY_POINTS, '--out', 'model')
  if (code !== 0) throw new Error(stderr)
  // These tests run side by side, and a run takes one process at a time.
  cpSync(join(folder, 'model'), join(folder, 'other-model'), { recursive: true })
  const checkpoint = readFileSync(join(folder, 'model/checkpoints/step-0000030.safetensors'))
  put('truncated.safetensors', checkpoint.subarray(0, checkpoint.length / 2))
  put('beheaded.safetensors', checkpoint.subarray(0, 100))
})

/** What was typed, the exit code, and what the one line that is printed says. */
const MISTAKES: readonly [string, number, RegExp][] = [
  ['paint digits', 2, /unknown command 'paint'/],
  ['trian digits', 2, /Did you mean train/],
  ['train digits more', 2, /too many arguments/],
  ['train digits --stesp 3', 2, /unknown option '--stesp' .*--steps/],
  ['train digits --steps', 2, /'--steps <n>' argument missing/],
  ['train digits --steps 12abc', 2, /--steps to be a whole number but received "12abc"/],
  ['train digits --steps 1.5', 2, /--steps to be a whole number but received "1\.5"/],
  ['train digits --steps 0', 2, /--steps .* 1 .* received 0/],
  ['train digits --learning-rate fast', 2, /--learning-rate to be a number but received "fast"/],
  ['train digits --learning-rate 100', 2, /--learning-rate .* received 100/],
  ['train digits --small-batch-size 1000', 2, /--small-batch-size .* received 1000/],
  ['train digits --threads 0', 2, /--threads .* received 0/],
  ['train digits --seed -1', 2, /--seed .* received "-1"/],
  ['train digits --seed 18446744073709551616', 2, /--seed .* 2\^64/],
  ['train digits --preset huge', 2, /--preset .*cifar10-ncsnpp.* received "huge"/],
  ['train digits --device gpu', 2, /--device .* received "gpu"/],
  ['train digits --device cuda:99', 1, /CUDA/],
  ['train digits --size 8', 2, /size .*digits/],
  ['train digits --keep-best loss', 2, /--keep-best to be one of validation-loss, .* received "loss"/],
  ['train digits --validation 2', 2, /--validation to be a share .* received 2/],
  ['train digits --init-from nothing-here', 1, /run folder, a model file .* 'nothing-here'/],
  ['train nothing-here', 2, /dataset .* digits, .* received "nothing-here"/],
  ['train idx:nothing-here', 1, /nothing-here: .*no such path/],
  ['train truncated.idx', 1, /truncated\.idx: expected 192 bytes .* received 100/],
  ['train nan.idx', 1, /item 1 .*NaN/],
  ['train idx:text.txt', 1, /text\.txt: expected an IDX file/],
  ['train digits --out text.txt/run', 1, /text\.txt\/run/],
  ['train digits --resume --out nothing-here', 1, /no.*checkpoint|checkpoint.*none/],
  ['train digits --resume --out model', 1, /two-moons.* digits/],
  ['train two-moons --resume --out other-model --seed 5', 2, /--seed .* received 5/],
  ['train digits --config nothing-here.json', 2, /nothing-here\.json: there is no such file/],
  ['train digits --config broken.json', 2, /broken\.json to be JSON/],
  ['train digits --config array.json', 2, /array\.json to hold a JSON object/],
  ['train digits --config unknown.json', 2, /among out, .*flow, .*steps, .*network but received stesp/],
  ['train digits --config wrong.json', 2, /steps in wrong\.json to be a whole number but received "12"/],
  ['train two-moons --config network.json', 2, /network\.json: Expected network\.width to be at least 4/],
  [
    'train two-moons --config flow.json',
    2,
    /Expected --flow to be an object of kind, .*zExp but received one with "gama"/,
  ],
  ['sample', 2, /'model'/],
  ['sample nothing-here', 1, /run folder, .*digits.* 'nothing-here'/],
  ['sample .', 1, /no checkpoint/],
  ['sample text.txt', 1, /text\.txt is not a whole safetensors file/],
  ['sample truncated.safetensors', 1, /truncated\.safetensors .*truncated/],
  ['sample beheaded.safetensors', 1, /beheaded\.safetensors is not a whole/],
  ['sample model --count 0', 2, /--count .* received 0/],
  ['sample model --rtol 5', 2, /--rtol .* received 5/],
  ['sample model --rtol 1e-4x', 2, /--rtol to be a number but received "1e-4x"/],
  ['sample model --solver guess', 2, /--solver .*heun.* received "guess"/],
  ['sample model --columns 0', 2, /--columns .* received "0"/],
  ['sample model --out picture.jpg', 2, /--out .*\.png.* received picture\.jpg/],
  ['sample model --out nowhere/picture.png', 2, /there is no folder nowhere/],
  ['sample model --out text.txt/picture.png', 2, /there is no folder text\.txt/],
  ['interpolate model 1 2 --out folder.png', 2, /--out to be a file but received folder\.png/],
  ['info text.txt', 1, /text\.txt is not a whole safetensors file/],
  ['train --ui digits', 2, /--ui to be a port, 0 to 65535, or nothing \(the data is named before it\)/],
  ['ui nothing-here', 2, /nothing-here to be a run, or a folder of runs, but .* no such path/],
  ['ui text.txt', 2, /text\.txt to be a run, or a folder of runs, but received a file/],
  ['ui model --port 70000', 2, /--port to be a port, 0 to 65535 but received "70000"/],
  ['doctor now', 2, /too many arguments/],
]

describe('a mistake', () => {
  it.concurrent.each(MISTAKES)('pfgm-torch %s: exit code %i', async (line, exitCode, says) => {
    const { code, stdout, stderr } = await run(folder, ...line.split(' '))
    expect({ code, stdout }, stderr).toEqual({ code: exitCode, stdout: '' })
    // On a busy machine what is looked at takes long enough to be named before.
    expect(stderr.replace(/^Setting up .*\n/, '')).toMatch(/^error: .*\n$/)
    expect(stderr).toMatch(says)
  })

  it('shows its stack with --debug', async () => {
    const { code, stderr } = await run(folder, 'sample', 'text.txt', '--debug')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: .*\n.*\n +at /)
  })
})

describe('the command', () => {
  it('shows its version, and help with examples', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(await run(folder, '--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
    for (const args of [
      ['--help'],
      ['train', '--help'],
      ['sample', '--help'],
      ['decode', '--help'],
      ['setup', '--help'],
    ]) {
      const { code, stdout, stderr } = await run(folder, ...args)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toContain('Examples:\n  npx pfgm-torch ')
    }
    const bare = await run(folder)
    expect(bare).toMatchObject({ code: 2, stdout: '' })
    expect(bare.stderr).toContain('Examples:')
  })

  it('ends without a word when its reader has seen enough', async () => {
    const { code, stdout, stderr } = await runShell(folder, '$CLI train --help | head -1')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: .*\n$/)
  })

  it('says so when its output cannot be written', async () => {
    const { code, stderr } = await runShell(folder, '$CLI info > /dev/full')
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^error: could not print: .*\n$/),
    })
  })
})

describe('setup and doctor', () => {
  it('finds what is there', async () => {
    const { code, stdout } = await run(folder, 'setup', '--no-download')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^pfgm-torch is ready\. .*\n$/)
    const healthy = await run(folder, 'doctor')
    expect(healthy).toMatchObject({ code: 0, stderr: '' })
    expect(healthy.stdout).toMatch(/^✓ addon +\S.*loads/m)
  })

  it('names what mends an addon that is not there', async () => {
    const missing = 'PFGM_ADDON=/nowhere/pfgm_torch.node'
    const sick = await runShell(folder, `${missing} $CLI doctor`)
    expect(sick.code).toBe(1)
    expect(sick.stdout).toMatch(/^✗ addon +\S.*\n +to mend it: \S/m)
    const failed = await runShell(folder, `${missing} $CLI setup`)
    expect(failed).toMatchObject({ code: 1, stdout: '' })
    expect(failed.stderr).toMatch(/^error: .*\n$/)
    const [model] = jsonLines(await run(folder, 'info', 'model', '--json'))
    expect(model).toMatchObject({ model: { data: 'two-moons' } })
  })
})
