// Run in a process of its own: prints the bytes that one call of fieldTarget needs beyond its inputs and its result, at
// its peak; null where the system does not tell.
import { fieldTarget, Tensor } from '../../dist/index.js'
import { extraBytes } from './extra-bytes.js'
import { readFieldInputs } from './field-inputs.js'

/** Starts the threads and reads the code in. */
async function warmUp() {
  const points = await Tensor.from(new Float32Array(64), [8, 8])
  await fieldTarget(points, points, await Tensor.from(new Float32Array(8).fill(1), [8]))
}

const { sources, x, z } = await readFieldInputs(JSON.parse(process.argv[2]))
await warmUp()
let result = 0
const grown = await extraBytes(async () => {
  result = (await fieldTarget(sources, x, z)).size * 4
})
console.log(grown === null ? null : grown - result)
