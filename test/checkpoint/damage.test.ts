import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { openModel } from '../../src/checkpoint/model.js'
import { PfgmError } from '../../src/errors.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { checkpoints, jsonLines, run, sharedFolder, TINY_POINTS } from '../cli/cli.js'
import { withMetadata } from './metadata.js'

const folder = sharedFolder()
const out = join(folder, 'run')
const file = (step: number) => join(out, 'checkpoints', `step-00000${step}.safetensors`)
const train = (...more: string[]) =>
  run(folder, 'train', ...TINY_POINTS, '--checkpoint-every', '10', '--evaluation-count', '0', ...more)

let whole: Buffer
beforeAll(async () => {
  expect(await train('--out', out)).toMatchObject({ code: 0 })
  whole = readFileSync(file(30))
})

async function load(): Promise<{ step: number; warnings: string[] }> {
  const warnings: string[] = []
  using flow = await PoissonFlow.load(out, { onWarning: (message) => warnings.push(message) })
  return { step: flow.config.step, warnings }
}

describe('a newest checkpoint that is damaged', () => {
  it('in any way is passed over, with a word, for the one before', async () => {
    const key = whole.indexOf('checksum')
    const flip = fc.record({
      at: fc
        .oneof(fc.nat(whole.length - 1), fc.nat(2000))
        // without its name there is no checksum, as in files of earlier versions
        .filter((at) => at < key || at >= key + 'checksum'.length),
      bit: fc.integer({ min: 0, max: 7 }),
    })
    const cut = fc.record({ length: fc.nat(whole.length - 1) })
    await fc.assert(
      fc.asyncProperty(fc.oneof(flip, cut), async (damage) => {
        const bytes = Buffer.from(whole.subarray(0, 'length' in damage ? damage.length : undefined))
        if ('at' in damage) bytes[damage.at]! ^= 1 << damage.bit
        writeFileSync(file(30), bytes)
        const { step, warnings } = await load()
        expect(step).toBe(20)
        expect(warnings).toEqual([expect.stringContaining(`${file(20)}, from before, is taken instead`)])
        expect(warnings[0]).toContain(file(30))
      }),
    )
    writeFileSync(file(30), whole)
    expect(await load()).toEqual({ step: 30, warnings: [] })
  })

  it('is told of by every command, and set aside by a run that goes on', async () => {
    writeFileSync(file(30), whole)
    truncateSync(file(30), 1000)
    const commands = [
      ['info', out],
      ['sample', out, '--count', '4', '--out', 's.png'],
    ]
    for (const command of commands) {
      const { code, stderr } = await run(folder, ...command)
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(stderr).toContain(`warning: ${file(30)} is not a whole safetensors file`)
      expect(stderr).toContain(`${file(20)}, from before, is taken instead`)
    }
    // The run's own checkpoints from before the damaged one must not give way to it.
    const resumed = await train('--out', out, '--resume', '--steps', '25', '--keep', '1', '--json')
    expect(resumed).toMatchObject({ code: 0 })
    expect(jsonLines(resumed)[0]).toMatchObject({
      type: 'warning',
      message: expect.stringContaining(file(30)),
    })
    expect(jsonLines(resumed)).toContainEqual(expect.objectContaining({ type: 'start', step: 20, steps: 25 }))
    expect(checkpoints(out)).toEqual(['step-0000025.safetensors', 'step-0000030.safetensors.unreadable'])
  })

  it('alone leaves nothing, and the message names what was tried', async () => {
    const [name] = checkpoints(out)
    truncateSync(join(out, 'checkpoints', name!), 100)
    for (const command of [
      ['info', out],
      ['train', ...TINY_POINTS, '--out', out, '--resume'],
      ['train', ...TINY_POINTS, '--out', out, '--resume', 'auto'],
    ]) {
      const { code, stderr } = await run(folder, ...command)
      expect({ code, stderr }).toMatchObject({ code: 1 })
      expect(stderr).toMatch(/^error: Expected a whole checkpoint in .*run but none of 1 is: .*step-0000025/)
    }
    expect(existsSync(join(out, 'checkpoints', name!))).toBe(true)
  })
})

describe('a model file', () => {
  const model = join(folder, 'model.safetensors')

  it('that was changed is refused, one of an earlier version read', async () => {
    using digits = await PoissonFlow.load('digits')
    await digits.save(model)
    const bytes = readFileSync(model)
    await openModel(model)
    bytes[bytes.length - 5]! ^= 1
    writeFileSync(model, bytes)
    await expect(PoissonFlow.load(model)).rejects.toSatisfy(
      (error) =>
        error instanceof PfgmError && /expected the checksum \w{16} but it is \w{16}/.test(error.message),
    )
    writeFileSync(
      model,
      withMetadata(bytes, ({ checksum: _, ...rest }) => rest),
    )
    ;(await PoissonFlow.load(model)).dispose()
  })

  it('without a hearer, a warning is the process’s', async () => {
    writeFileSync(file(30), whole)
    writeFileSync(file(40), whole.subarray(0, 2000))
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    ;(await PoissonFlow.load(out)).dispose()
    expect(emit.mock.calls).toEqual([[expect.stringContaining(file(40))]])
    emit.mockRestore()
  })
})
