import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import {
  checkpoints,
  jsonLines,
  run,
  runShell,
  sharedFolder,
  start,
  TINY_IMAGES,
  TINY_POINTS,
} from './cli.js'

const folder = sharedFolder()

/** All tensors of a safetensors file, as bytes. */
function tensors(path: string): Buffer {
  const bytes = readFileSync(path)
  return bytes.subarray(8 + Number(bytes.readBigUInt64LE()))
}

/** A NumPy file of points on a sphere. */
function npyOfPoints(count: number, dimensions: number): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${count}, ${dimensions}), }`
  const head = Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1'), Buffer.from(header)])
  const padded = Buffer.concat([head, Buffer.alloc(127 - head.length, ' '), Buffer.from('\n')])
  padded.writeUInt16LE(padded.length - 10, 8)
  const values = Float32Array.from({ length: count * dimensions }, (_, i) => Math.sin(12.9898 * i))
  return Buffer.concat([padded, Buffer.from(values.buffer)])
}

describe('a training', () => {
  it('says what it will do, how far it is and what came out', async () => {
    const { code, stdout, stderr } = await run(folder, 'train', ...TINY_POINTS)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain('Data: two-moons, 500 points in 2 dimensions')
    expect(stderr).toMatch(/Network: [\d,]+ parameters/)
    expect(stderr).toMatch(/Training for 30 steps, about .*, into runs\/two-moons/)
    expect(stderr).toMatch(/Memory: about .* of .* available/)
    expect(stderr).toMatch(/100 % {2}step 30\/30, loss [\d.]+, [\d,]+ points\/s, 0\.0 s left/)
    expect(stdout).toContain('A picture of samples: runs/two-moons/samples.png')
    expect(stdout).toMatch(/Energy distance of 50 samples to the data: -?[\d.]+\. As many real items score/)
    expect(stdout).toContain('npx pfgm-torch sample runs/two-moons')
    expect(existsSync(join(folder, 'runs/two-moons/samples.png'))).toBe(true)
    expect(stdout + stderr).not.toContain('\x1b')
  })

  it('does not touch a run that is there', async () => {
    const { code, stdout, stderr } = await run(folder, 'train', ...TINY_POINTS)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^error: .*--resume.*--out.*\n$/)
  })

  it('takes its settings from a file, flags before it', async () => {
    const network = { kind: 'mlp', dimensions: 2, width: 8, depth: 1 }
    const config = { steps: 5, seed: '18446744073709551615', flow: { gamma: 4 }, network, evaluationCount: 0 }
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
    const args = ['two-moons', '--config', 'config.json', '--steps', '3', '--out', 'configured']
    const { code, stderr } = await run(folder, 'train', ...args)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const written = JSON.parse(readFileSync(join(folder, 'configured/config.json'), 'utf8'))
    expect(written).toMatchObject({ network, flow: { gamma: 4 }, training: { steps: 3 } })
    expect(written.seed).toBe('18446744073709551615')
  })

  it('ends without a word when its reader has seen enough', async () => {
    const line = `$CLI train ${TINY_POINTS.join(' ')} --json --out piped | head -1`
    const { stdout, stderr } = await runShell(folder, line)
    expect(JSON.parse(stdout)).toMatchObject({ type: 'start' })
    expect(stderr).toBe('')
    expect(checkpoints(join(folder, 'piped')).length).toBeGreaterThan(0)
  })
})

describe('the end of a training', () => {
  it('shows how far it is, and Ctrl-C leaves the trained model', async () => {
    const args = [
      'train',
      ...TINY_IMAGES,
      '--evaluation-count',
      '20000',
      '--json',
      '--out',
      'ending',
      '--steps',
      '2',
    ]
    const running = start(folder, ...args)
    await running.line(/"type":"evaluating"/)
    running.process.kill('SIGINT')
    const { code, stdout, stderr } = await running.ended
    expect({ code, stderr }).toMatchObject({ code: 130 })
    expect(stderr).toContain('stopped by SIGINT: trained to the end and saved at step 2; draw samples with: ')
    expect(stdout).not.toContain('"type":"end"')
    const command = /draw samples with: npx pfgm-torch (.*)/.exec(stderr)?.[1] ?? ''
    const drawn = await runShell(
      folder,
      `$CLI ${command.replace('--count 64', '--count 2')} --solver euler --steps 2`,
    )
    expect({ code: drawn.code, stderr: drawn.stderr }).toMatchObject({ code: 0 })
  })

  it('prints a command that works for points that have no picture', async () => {
    writeFileSync(join(folder, 'three.npy'), npyOfPoints(64, 3))
    const config = join(folder, 'three.json')
    const network = { kind: 'mlp', dimensions: 3, width: 8, depth: 1 }
    writeFileSync(config, JSON.stringify({ network, steps: 2, evaluationCount: 10 }))
    const { code, stdout, stderr } = await run(
      folder,
      'train',
      'npy:three.npy',
      '--config',
      config,
      '--out',
      'three',
    )
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toContain('Energy distance of 10 samples')
    const command = /Draw more: npx pfgm-torch (.*)/.exec(stdout)?.[1] ?? ''
    expect(command).toContain('samples.npy')
    const drawn = await runShell(folder, `$CLI ${command.replace('--count 5000', '--count 5')}`)
    expect({ code: drawn.code, stderr: drawn.stderr }).toMatchObject({ code: 0 })
  })

  it('trains another flow, whose settings stand behind its name', async () => {
    const flow = ['--flow', 'pfgmpp,D=24.5,draw=published', '--evaluation-count', '0']
    const images = await run(folder, 'train', 'digits', '--steps', '2', ...flow, '--out', 'pfgmpp')
    expect({ code: images.code, stderr: images.stderr }).toMatchObject({ code: 0 })
    const { flow: settings } = JSON.parse(readFileSync(join(folder, 'pfgmpp/config.json'), 'utf8'))
    expect(settings).toMatchObject({ kind: 'pfgmpp', D: 24.5, draw: 'published', sigmaMax: 80 })
    const drawn = await run(folder, 'sample', 'pfgmpp', '--count', '2', '--solver', 'heun', '--steps', '3')
    expect({ code: drawn.code, stderr: drawn.stderr }).toMatchObject({ code: 0 })
    for (const [given, message] of [
      ['ddpm', 'flow.kind to be one of pfgm, pfgmpp, edm'],
      ['edm,D=3', 'flow'],
      ['pfgmpp,D=many', 'flow.D'],
    ] as const) {
      const refused = await run(folder, 'train', 'digits', '--flow', given, '--out', 'refused')
      expect(refused.code).toBe(2)
      expect(refused.stderr).toContain(message)
    }
  })

  it('prints no command to draw with for a model that cannot be drawn from', async () => {
    // A start so far out is no float32.
    const far = {
      ...JSON.parse(readFileSync(TINY_POINTS[2]!, 'utf8')),
      flow: { zMax: 1e39, upperNorm: 1e39 },
    }
    writeFileSync(join(folder, 'far.json'), JSON.stringify(far))
    const { code, stdout, stderr } = await run(
      folder,
      'train',
      'two-moons',
      '--config',
      'far.json',
      '--out',
      'far',
    )
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('could not be drawn') })
    expect(stdout).not.toContain('Draw more')
  })
})

describe('an interrupted training', () => {
  const signals = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const
  it.each(signals)('saves on %s and goes on from there', async (signal, exitCode) => {
    const out = join(folder, signal)
    const args = ['train', ...TINY_POINTS, '--json', '--out', out]
    const running = start(folder, ...args, '--steps', '1000000')
    await running.line(/"type":"step","step":3,/)
    running.process.kill(signal)
    const stopped = await running.ended
    expect(stopped.code).toBe(exitCode)
    const step = Number(jsonLines(stopped).at(-1)?.step)
    expect(step).toBeGreaterThanOrEqual(3)
    expect(stopped.stderr).toContain(
      `stopped by ${signal}: saved at step ${step}; go on with: npx pfgm-torch`,
    )
    expect(stopped.stderr).toContain(`train two-moons --count 500 --out ${out} --resume`)
    expect(checkpoints(out).at(-1)).toBe(`step-${String(step).padStart(7, '0')}.safetensors`)

    const resumed = await run(folder, ...args, '--resume', '--steps', String(step + 2))
    expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: '' })
    const events = jsonLines(resumed)
    expect(events[0]).toMatchObject({ type: 'start', step })
    const steps = events.filter(({ type }) => type === 'step').map((event) => event.step)
    expect(steps).toEqual([step + 1, step + 2])
    expect(events.at(-1)).toMatchObject({ type: 'end', step: step + 2, picture: join(out, 'samples.png') })
  })

  it('takes two signals close together for one, as a launcher may pass on what it got', async () => {
    const running = start(folder, 'train', ...TINY_POINTS, '--json', '--out', 'twice', '--steps', '1000000')
    await running.line(/"type":"step"/)
    running.process.kill('SIGINT')
    running.process.kill('SIGINT')
    const { code, stderr } = await running.ended
    expect(code).toBe(130)
    expect(stderr).toContain('saved at step')
  })

  it('ends in the middle of a step that takes long, with what came before it saved', async () => {
    const large = ['--batch-size', '16384', '--small-batch-size', '16384', '--steps', '1000000']
    const running = start(folder, 'train', ...TINY_IMAGES, ...large, '--json', '--out', 'at-once')
    await running.line(/"type":"start"/)
    await setTimeout(1000) // a step takes longer
    const began = performance.now()
    running.process.kill('SIGINT')
    const { code, stderr } = await running.ended
    expect(performance.now() - began).toBeLessThan(2000)
    expect(code).toBe(130)
    expect(stderr).toMatch(/^Stopping and saving .*\nstopped by SIGINT: saved at step \d+; go on with: /)
  })

  it('goes on to the same bits as without a break', async () => {
    const straight = await run(folder, 'train', ...TINY_IMAGES, '--out', 'straight', '--steps', '8')
    expect(straight.code).toBe(0)
    for (const more of [
      ['--steps', '4'],
      ['--steps', '8', '--resume'],
    ]) {
      const { code, stderr } = await run(folder, 'train', ...TINY_IMAGES, '--out', 'broken', ...more)
      expect({ code, stderr }).toMatchObject({ code: 0 })
    }
    const [one, other] = ['straight', 'broken'].map((name) =>
      tensors(join(folder, name, 'checkpoints/step-0000008.safetensors')),
    )
    expect(one!.length).toBeGreaterThan(100_000)
    expect(one!.equals(other!)).toBe(true)
  })

  it('is refused where another process trains in the folder', async () => {
    const often = ['--steps', '1000000', '--checkpoint-every', '1', '--keep', '1000000']
    const args = ['train', ...TINY_POINTS, ...often, '--json', '--out', 'busy']
    const running = start(folder, ...args)
    await running.line(/"type":"checkpoint"/)
    const { code, stderr } = await run(folder, ...args, '--resume')
    running.process.kill('SIGTERM')
    await running.ended
    expect({ code, stderr }).toMatchObject({ code: 1 })
    expect(stderr).toMatch(/^error: .*busy .*process \d+ on \S+ is training there \(busy\/\.lock\).*\n$/)
  })
})
