import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { readLog, readTail } from '../../src/watch/log.js'
import { runs } from '../long.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-log-'))
afterAll(() => rmSync(folder, { recursive: true }))
const path = join(folder, 'log.jsonl')

const line = (step: number, loss: number) => JSON.stringify({ time: 'now', type: 'step', step, loss })

/** A log from its beginning to its end, part by part. */
async function all(from = 0) {
  const points = []
  for (let next = from; ; ) {
    const part = await readLog(path, next)
    points.push(...part.points)
    if (part.next === next) return { points, next }
    next = part.next
  }
}

describe('a log', () => {
  it('has what was measured, by names', async () => {
    const measured = { validationLoss: 0.5, distance: { value: 0.25, samples: 9, items: 9, frechet: 7 } }
    writeFileSync(
      path,
      [
        {
          type: 'step',
          step: 10,
          loss: 2,
          gradientNorm: 3,
          learningRate: 0.1,
          imagesPerSecond: 40,
          secondsLeft: 5,
        },
        { type: 'evaluation', step: 10, seconds: 1, ...measured },
        { type: 'left-out', step: 15, seconds: 1, left: 0 },
        { type: 'end', step: 20, seconds: 1, validationLoss: 0.125 },
      ]
        .map((event) => `${JSON.stringify(event)}\n`)
        .join(''),
    )
    expect((await all()).points).toEqual([
      { step: 10, values: { loss: 2, gradientNorm: 3, learningRate: 0.1, imagesPerSecond: 40 } },
      { step: 10, values: { validationLoss: 0.5, energyDistance: 0.25, frechetDistance: 7 } },
      { step: 20, values: { validationLoss: 0.125 } },
    ])
  })

  it('grows by whole lines: a torn one waits for its rest', async () => {
    const [first, second] = [`${line(10, 1)}\n`, `${line(20, 0.5)}\n`]
    writeFileSync(path, first + second.slice(0, 12))
    const torn = await readLog(path, 0)
    expect(torn).toMatchObject({ next: first.length, points: [{ step: 10 }] })
    expect(await readLog(path, torn.next)).toEqual({ from: torn.next, next: torn.next, points: [] })
    expect((await readTail(path)).last).toMatchObject({ step: 10 })
    appendFileSync(path, second.slice(12))
    expect(await readLog(path, torn.next)).toEqual({
      from: torn.next,
      next: first.length + second.length,
      points: [{ step: 20, values: { loss: 0.5 } }],
    })
    expect((await readTail(path)).last).toMatchObject({ step: 20 })
  })

  it('passes over what is no line of a log', async () => {
    const wrong = ['', 'null', '[]', '{', '"step"', '{"step":"10"}', '{"type":"step","step":5,"loss":"much"}']
    writeFileSync(path, `${[...wrong, line(10, 1), '\0\0\0', line(20, 2)].join('\n')}\n`)
    expect((await all()).points.map(({ step }) => step)).toEqual([10, 20])
  })

  it('begins anew where it has become shorter, and is empty where there is none', async () => {
    writeFileSync(path, `${line(10, 1)}\n`)
    expect(await readLog(path, 1000)).toMatchObject({ from: 0, points: [{ step: 10 }] })
    rmSync(path)
    expect(await readLog(path, 1000)).toEqual({ from: 0, next: 0, points: [] })
    expect(await readTail(path)).toEqual({ size: 0, time: 0, last: undefined })
  })

  it('of many parts is whole, with a line among them that has no end for longer than a part', async () => {
    const some = (from: number) =>
      Array.from({ length: 12_000 }, (_, i) => `${line(from + i, Math.sin(i))}\n`).join('')
    writeFileSync(path, `${some(0)}${'x'.repeat(3 * 2 ** 20)}\n${some(20_000)}`)
    const { points } = await all()
    expect(points.map(({ step }) => step)).toEqual([
      ...Array.from({ length: 12_000 }, (_, i) => i),
      ...Array.from({ length: 12_000 }, (_, i) => 20_000 + i),
    ])
  })

  it('read while it is written, at any places, gives what it gives at the end', async () => {
    const pieces = fc.array(fc.nat({ max: 60 }), { maxLength: 20 })
    const losses = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(losses, pieces, async (values, cuts) => {
        const text = values.map((loss, i) => `${line(i, loss)}\n`).join('')
        writeFileSync(path, '')
        const seen = []
        let next = 0
        let written = 0
        for (const cut of [...cuts, text.length]) {
          appendFileSync(path, text.slice(written, written + cut))
          written += cut
          const part = await readLog(path, next)
          seen.push(...part.points)
          next = part.next
        }
        expect(seen).toEqual((await all()).points)
        expect(seen).toHaveLength(values.length)
      }),
      { numRuns: runs(40, 400) },
    )
  })
})
