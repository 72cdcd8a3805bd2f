// Loads a model file and calls its network by itself: how well it knows a digit again from some height over it.
//   node examples/network.js runs/digits/checkpoints/step-1200.safetensors
import { datasets, PoissonFlow, Tensor } from 'pfgm-torch'

const [source = 'digits'] = process.argv.slice(2)
const flow = await PoissonFlow.load(source)
const { config, network } = flow
console.log(
  `${config.network.kind} of ${network.parameterCount} parameters, ${config.step} steps on ${config.data}`,
)

const { values } = await datasets.digits()
const digit = Float32Array.from(values.subarray(0, network.dimensions), (pixel) => pixel / 127.5 - 1)
const x = await Tensor.from(digit, [1, ...network.itemShape])

for (const height of [0.1, 1, 10]) {
  const z = await Tensor.from(Float32Array.of(height), [1])
  const field = await network.forward(x, z)
  const [vx, [vz]] = [await field.x.data(), await field.z.data()]
  // The field's line from (x, z) meets the plane of the data at x - z v_x / v_z.
  const off = vx.reduce((sum, v) => sum + Math.abs((height * v) / vz) / 2, 0) / vx.length
  console.log(`from z = ${height}: pixels in [0, 1] are off by ${off.toFixed(3)} on average`)
  for (const owned of [z, field.x, field.z]) owned.dispose()
}
for (const owned of [x, flow]) owned.dispose()
