import { sides } from '../../src/arguments/image-size.js'
import type { UnetConfig } from '../../src/nn/config.js'

/** An image's values, channel by channel, row by row. */
interface Image {
  readonly channels: number
  readonly size: number
  readonly values: Float64Array
}

type Weights = (name: string) => { readonly shape: readonly number[]; readonly values: ArrayLike<number> }

const silu = (x: number) => x / (1 + Math.exp(-x))

/**
 * A DDPM++ with BigGAN's blocks and positional embedding, and no other option, in float64 and as slow as it is plain.
 * Gives what comes out before it is split into v_x and v_z.
 */
export function unetOracle(config: UnetConfig, weights: Weights, x: Float64Array, z: number): Image {
  const { nf, chMult, numResBlocks, attnResolutions, imageSize, channels, skipRescale, centered } = config
  const factor = skipRescale ? Math.SQRT1_2 : 1
  let number = 0
  const next = () => `all_modules.${number++}`
  const array = (name: string) => weights(name).values

  const image = (count: number, size: number, at: (c: number, y: number, x: number) => number): Image => {
    const values = new Float64Array(count * size * size)
    let i = 0
    for (let c = 0; c < count; c++)
      for (let row = 0; row < size; row++)
        for (let column = 0; column < size; column++) values[i++] = at(c, row, column)
    return { channels: count, size, values }
  }
  const pixel = ({ size, values }: Image, c: number, row: number, column: number) =>
    row < 0 || column < 0 || row >= size || column >= size ? 0 : values[(c * size + row) * size + column]!
  const map = (a: Image, f: (value: number, i: number) => number): Image => ({
    ...a,
    values: a.values.map(f),
  })
  const sum = (a: Image, b: Image) => map(a, (value, i) => (value + b.values[i]!) * factor)
  const beside = (a: Image, b: Image): Image => ({
    channels: a.channels + b.channels,
    size: a.size,
    values: Float64Array.of(...a.values, ...b.values),
  })
  const linear = (name: string, input: ArrayLike<number>) => {
    const { shape, values } = weights(`${name}.weight`)
    const bias = array(`${name}.bias`)
    return Float64Array.from({ length: shape[0]! }, (_, o) => {
      let total = bias[o]!
      for (let i = 0; i < shape[1]!; i++) total += values[o * shape[1]! + i]! * input[i]!
      return total
    })
  }
  const convolve = (name: string, a: Image) => {
    const { shape, values } = weights(`${name}.weight`)
    const [outputs, inputs, kernel] = shape as [number, number, number]
    const bias = array(`${name}.bias`)
    return image(outputs, a.size, (o, row, column) => {
      let total = bias[o]!
      for (let c = 0; c < inputs; c++)
        for (let i = 0; i < kernel; i++)
          for (let k = 0; k < kernel; k++)
            total +=
              values[((o * inputs + c) * kernel + i) * kernel + k]! *
              pixel(a, c, row + i - (kernel >> 1), column + k - (kernel >> 1))
      return total
    })
  }
  const normalise = (name: string, a: Image) => {
    const groups = Math.min(a.channels / 4, 32)
    const each = a.values.length / groups
    const [weight, bias] = [array(`${name}.weight`), array(`${name}.bias`)]
    const moments = Array.from({ length: groups }, (_, group) => {
      const part = a.values.subarray(group * each, (group + 1) * each)
      const mean = part.reduce((total, value) => total + value, 0) / each
      return { mean, variance: part.reduce((total, value) => total + (value - mean) ** 2, 0) / each }
    })
    return map(a, (value, i) => {
      const { mean, variance } = moments[Math.floor(i / each)]!
      const c = Math.floor(i / a.size ** 2)
      return ((value - mean) / Math.sqrt(variance + 1e-6)) * weight[c]! + bias[c]!
    })
  }
  const up = (a: Image) =>
    image(a.channels, a.size * 2, (c, row, column) => pixel(a, c, row >> 1, column >> 1))
  const down = (a: Image) =>
    image(a.channels, a.size / 2, (c, row, column) => {
      const [y, left] = [2 * row, 2 * column]
      return (
        (pixel(a, c, y, left) +
          pixel(a, c, y, left + 1) +
          pixel(a, c, y + 1, left) +
          pixel(a, c, y + 1, left + 1)) /
        4
      )
    })
  const perPixel = (name: string, a: Image) => {
    const { shape, values } = weights(`${name}.W`)
    const bias = array(`${name}.b`)
    return image(shape[1]!, a.size, (o, row, column) => {
      let total = bias[o]!
      for (let c = 0; c < shape[0]!; c++) total += values[c * shape[1]! + o]! * pixel(a, c, row, column)
      return total
    })
  }

  let time: Float64Array
  const block = (a: Image, resample = (b: Image) => b) => {
    const name = next()
    let h = convolve(`${name}.Conv_0`, resample(map(normalise(`${name}.GroupNorm_0`, a), silu)))
    const bias = linear(`${name}.Dense_0`, time)
    h = map(h, (value, i) => value + bias[Math.floor(i / h.size ** 2)]!)
    h = convolve(`${name}.Conv_1`, map(normalise(`${name}.GroupNorm_1`, h), silu))
    const past = resample(a)
    return sum(h, h.channels !== a.channels || past !== a ? convolve(`${name}.Conv_2`, past) : past)
  }
  const attend = (a: Image) => {
    const name = next()
    const normalised = normalise(`${name}.GroupNorm_0`, a)
    const [query, key, value] = [0, 1, 2].map((i) => perPixel(`${name}.NIN_${i}`, normalised)) as [
      Image,
      Image,
      Image,
    ]
    const pixels = a.size ** 2
    const mixed = new Float64Array(a.values.length)
    for (let q = 0; q < pixels; q++) {
      const logits = Float64Array.from({ length: pixels }, (_, k) => {
        let total = 0
        for (let c = 0; c < a.channels; c++)
          total += query.values[c * pixels + q]! * key.values[c * pixels + k]!
        return total / Math.sqrt(a.channels)
      })
      const most = Math.max(...logits)
      const shares = logits.map((logit) => Math.exp(logit - most))
      const all = shares.reduce((total, share) => total + share, 0)
      for (let c = 0; c < a.channels; c++)
        for (let k = 0; k < pixels; k++)
          mixed[c * pixels + q]! += (shares[k]! / all) * value.values[c * pixels + k]!
    }
    return sum(a, perPixel(`${name}.NIN_3`, { ...a, values: mixed }))
  }
  const attends = (size: number) => attnResolutions.includes(size)

  const half = nf / 2
  const phases = Array.from({ length: half }, (_, i) => z * Math.exp((-Math.log(10000) / (half - 1)) * i))
  const first = linear(next(), [...phases.map(Math.sin), ...phases.map(Math.cos)]).map(silu)
  time = linear(next(), first).map(silu)

  let h = convolve(next(), {
    channels,
    size: sides(imageSize)[0],
    values: centered ? x : x.map((value) => 2 * value - 1),
  })
  const skips = [h]
  chMult.forEach((_, level) => {
    for (let i = 0; i < numResBlocks; i++) {
      h = block(h)
      if (attends(h.size)) h = attend(h)
      skips.push(h)
    }
    if (level + 1 < chMult.length) {
      h = block(h, down)
      skips.push(h)
    }
  })
  h = block(h)
  h = attend(h)
  h = block(h)
  for (let level = chMult.length - 1; level >= 0; level--) {
    for (let i = 0; i <= numResBlocks; i++) h = block(beside(h, skips.pop()!))
    if (attends(h.size)) h = attend(h)
    if (level > 0) h = block(h, up)
  }
  const last = next()
  return convolve(next(), map(normalise(last, h), silu))
}
