import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ODE_SOLVERS, SOLVERS } from '../../src/ode/solver-options.js'
import { type Drawing, drawingOf, stroke, withTransparency } from '../../src/page/playground/drawing.js'
import { kindOf, SOLVER_KINDS } from '../../src/page/playground/solvers.js'
import { hashOf, type State, stateOf, USUAL } from '../../src/page/playground/state.js'

it('the page knows every solver, and which of them add noise', () => {
  expect(Object.keys(SOLVER_KINDS).sort()).toEqual([...SOLVERS].sort())
  for (const name of ODE_SOLVERS) expect(kindOf(name).isNoisy, name).toBe(false)
})

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const seed = fc.maxSafeNat()
const state: fc.Arbitrary<State> = fc.record({
  model: optional(fc.string({ minLength: 1, unit: 'binary' })),
  seed,
  label: optional(fc.nat(1e5)),
  guidance: fc.double({ min: -100, max: 100, noNaN: true }),
  solver: fc.constantFrom(...SOLVERS),
  tolerance: optional(fc.double({ min: 1e-6, max: 1, noNaN: true })),
  steps: fc.integer({ min: 1, max: 1000 }),
  temperature: fc.double({ min: 0.01, max: 100, noNaN: true }),
  to: optional(seed),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  errors: fc.nat(1),
})

it('an address holds the state', () => {
  fc.assert(
    fc.property(state, (given) => {
      const read = stateOf(`#${hashOf(given)}`)
      expect(hashOf(read)).toBe(hashOf(given))
      expect({ ...read, guidance: read.guidance + 0, at: read.at + 0 }).toEqual({
        ...given,
        guidance: given.guidance + 0,
        at: given.at + 0,
      })
    }),
  )
  expect(hashOf(USUAL)).toBe('')
})

it('an address that holds anything gives a state', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.tuple(fc.constantFrom(...Object.keys(USUAL)), fc.string()).map(([name, value]) => `#${name}=${value}`),
  )
  fc.assert(
    fc.property(anything, (hash) => {
      const read = stateOf(hash)
      expect(stateOf(hashOf(read))).toEqual(read)
    }),
  )
})

/** A slow way to say which pixels a brush covers. */
function covered(size: number, x: number, y: number, at: number, width: number): boolean {
  const [column, row] = [at % width, Math.floor(at / width)]
  const before = Math.floor((size - 1) / 2)
  return column >= x - before && column < x - before + size && row >= y - before && row < y - before + size
}

it('a brush covers a square about its pixel, cut off at the edges', () => {
  const side = fc.integer({ min: 1, max: 12 })
  fc.assert(
    fc.property(side, side, side, fc.nat(11), fc.nat(11), (width, height, size, left, top) => {
      const [x, y] = [Math.min(left, width - 1), Math.min(top, height - 1)]
      const begun = drawingOf(
        width,
        height,
        Array.from({ length: 4 * width * height }, (_, i) => i % 251),
      )
      const marked = stroke(begun, { kind: 'fill' }, size, { x, y }, { x, y })
      expect([...marked.holes]).toEqual(
        Array.from(marked.holes, (_, at) => (covered(size, x, y, at, width) ? 1 : 0)),
      )
      expect(transparent(marked)).toEqual([...marked.holes].map(Boolean))
      const drawn = stroke(marked, { kind: 'draw', colour: [1, 2, 3] }, size, { x, y }, { x, y })
      expect(drawn.holes).toEqual(begun.holes)
      const back = stroke(drawn, { kind: 'restore', from: begun }, size, { x, y }, { x, y })
      expect(back).toEqual(begun)
    }),
  )
})

it('a stroke leaves no gap', () => {
  const begun = drawingOf(20, 20, new Uint8Array(1600))
  const [from, to] = [
    { x: 1, y: 2 },
    { x: 17, y: 9 },
  ]
  const { holes } = stroke(begun, { kind: 'fill' }, 1, from, to)
  for (let x = from.x; x <= to.x; x++) {
    const rows = Array.from({ length: 20 }, (_, y) => y).filter((y) => holes[y * 20 + x])
    expect(rows).toHaveLength(1)
    expect(Math.abs(rows[0]! - (2 + ((x - 1) * 7) / 16))).toBeLessThanOrEqual(0.5)
  }
})

const transparent = (drawing: Drawing): boolean[] =>
  Array.from({ length: drawing.holes.length }, (_, at) => withTransparency(drawing)[4 * at + 3] === 0)
