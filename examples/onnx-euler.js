// Draws a digit with an exported model, without this package: Euler steps in ONNX Runtime.
//   npx pfgm-torch export digits --out digits.onnx
//   node examples/onnx-euler.js digits.onnx 7
// onnxruntime-web runs everywhere; onnxruntime-node takes the same calls and is faster.
import { readFile } from 'node:fs/promises'
import * as ort from 'onnxruntime-web'

const [file = 'digits.onnx', digit = '7'] = process.argv.slice(2)
const STEPS = 60
// As `npx pfgm-torch info digits` prints them.
const [Z_MAX, Z_MIN, UPPER_NORM, SHAPE] = [17.8836, 0.001, 179.31, [1, 8, 8]]

const session = await ort.InferenceSession.create(await readFile(file))
const label = new ort.Tensor('int64', [BigInt(digit)], [1])

// Where samples start: in a Gaussian direction, with |x| / z_max as the length of 64 normal numbers to that of one.
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())
const direction = Float32Array.from({ length: 64 }, normal)
const length = Math.hypot(...direction)
const radius = Math.min((Z_MAX * length) / Math.abs(normal()), UPPER_NORM)
let x = direction.map((value) => (value * radius) / length)

const heightAt = (i) => Z_MAX * (Z_MIN / Z_MAX) ** (i / STEPS)
for (let i = 0; i < STEPS; i++) {
  const [z, next] = [heightAt(i), heightAt(i + 1)]
  const at = { x: new ort.Tensor('float32', x, [1, ...SHAPE]), z: new ort.Tensor('float32', [z], [1]) }
  const { denoised } = await session.run({ ...at, label })
  x = x.map((value, k) => value + (next / z - 1) * (value - denoised.data[k]))
}

const SHADES = ' .:-=+*#%@'
const shade = (value) => SHADES[Math.min(9, Math.max(0, Math.floor((value + 1) * 5)))].repeat(2)
for (let row = 0; row < 8; row++) console.log([...x.subarray(8 * row, 8 * row + 8)].map(shade).join(''))
