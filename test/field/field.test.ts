import { describe, expect, it } from 'vitest'
import { fieldTarget } from '../../src/flow/pfgm.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { float32, golden, maxRelativeRowError } from '../golden.js'

/** Splits rows (x, z) of N + 1 numbers. */
async function split(values: ArrayLike<number>, dimensions: number) {
  const rows = Array.from({ length: values.length / (dimensions + 1) }, (_, i) =>
    Array.from({ length: dimensions + 1 }, (_, c) => values[i * (dimensions + 1) + c]!),
  )
  return {
    x: await Tensor.from<'float32'>(Float32Array.from(rows.flatMap((row) => row.slice(0, -1))), [
      rows.length,
      dimensions,
    ]),
    z: await Tensor.from<'float32'>(Float32Array.from(rows.map((row) => row.at(-1)!)), [rows.length]),
  }
}

describe('the field agrees with the published code in float64', () => {
  it.each(['field-2d', 'field-digits', 'field-3072', 'field-ties'])('%s', async (name) => {
    const file = golden(`${name}.safetensors`)
    const dimensions = Number(file.metadata.N)
    const { x, z } = await split(file.array('queries').values, dimensions)
    const target = await fieldTarget(await float32(file.array('sources')), x, z, Number(file.metadata.gamma))
    const error = maxRelativeRowError(
      await target.data(),
      file.array('target_float64').values,
      dimensions + 1,
    )
    expect(error).toBeLessThan(1e-6)
  })
})
