import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PfgmError } from '../../src/errors.js'
import { convert } from '../../src/model/convert.js'
import type { UnetConfig } from '../../src/nn/config.js'
import { goldenPath, publishedNetwork } from '../golden.js'
import { DDPMPP, SMALL } from '../nn/small-networks.js'
import { calledWith, edmSnapshot, scoreSdeCheckpoint, weightsFor } from './others-files.js'
import { torchLegacy, torchPickle, torchZip } from './torch-writer.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-damage-'))
afterAll(() => rmSync(folder, { recursive: true }))

const UNET: UnetConfig = {
  ...publishedNetwork('ddpmpp-16/config.json'),
  imageSize: 32,
  nf: 4,
  chMult: [1, 1],
  attnResolutions: [16],
}
const SONG = { kind: 'song', ...SMALL, ...DDPMPP, modelChannels: 4 } as const
const MOST_MEMORY = 2 ** 29

/** Archives have checksums, which notice most changes at once. */
const RUNS = {
  'checkpoint.pth': 50,
  'legacy.pth': 150,
  'snapshot.pkl': 150,
  'state.pt': 50,
  'slim.safetensors': 50,
}

const FORMS = {
  'checkpoint.pth': async () => torchZip(scoreSdeCheckpoint(await weightsFor(UNET))),
  'legacy.pth': async () => torchLegacy(scoreSdeCheckpoint(await weightsFor(UNET))),
  'snapshot.pkl': async () => torchPickle(edmSnapshot(await weightsFor(SONG), calledWith(SONG))),
  'state.pt': async () => torchZip(edmSnapshot(await weightsFor(SONG), calledWith(SONG))),
  'slim.safetensors': async () => readFileSync(goldenPath('k-diffusion/slim.safetensors')),
}

describe.each(Object.keys(FORMS) as (keyof typeof FORMS)[])('a damaged %s', (name) => {
  const path = join(folder, name)
  const out = join(folder, `${name}.safetensors`)
  let whole: Buffer
  beforeAll(async () => {
    whole = await FORMS[name]()
  })

  /** Converts, and looks at what is said and left where that fails. */
  async function failure(bytes: Buffer): Promise<string | undefined> {
    rmSync(out, { force: true })
    writeFileSync(path, bytes)
    try {
      await convert(path, out)
      return undefined
    } catch (error) {
      const { message } = error as Error
      expect(existsSync(out)).toBe(false)
      expect(message).toContain(path)
      expect(message).not.toContain('\n')
      expect(message.length).toBeLessThan(1000)
      // What is taken as usual may be none of a damaged file's, which then must be given.
      if (error instanceof PfgmError) expect(error.code).toMatch(/^ERR_PFGM_(DATA|CHECKPOINT)$/)
      else expect(error).toBeInstanceOf(RangeError)
      return message
    }
  }

  it('is read where it is whole', async () => {
    expect(await failure(whole)).toBeUndefined()
  })

  it('cut short at any place is refused', async () => {
    for (let part = 0; part < 16; part++) {
      const message = await failure(whole.subarray(0, Math.floor((whole.length * part) / 16)))
      expect(message).toBeTypeOf('string')
    }
    expect(await failure(whole.subarray(0, -1))).toBeTypeOf('string')
  })

  it('with other bytes is refused or read, in little memory', async () => {
    const before = process.memoryUsage.rss()
    const change = fc.record({ at: fc.nat(whole.length - 1), bits: fc.integer({ min: 1, max: 255 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const bytes = Buffer.from(whole)
        for (const { at, bits } of changes) bytes[at]! ^= bits
        await failure(bytes)
        expect(process.memoryUsage.rss() - before).toBeLessThan(MOST_MEMORY)
      }),
      { numRuns: process.env.PFGM_LONG ? 10_000 : RUNS[name], seed: 1, endOnFailure: true },
    )
  }, 3_600_000)
})
