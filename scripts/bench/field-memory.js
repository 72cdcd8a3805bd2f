// Run in a process of its own, so that no memory is there for reuse: prints the bytes that one call of fieldTarget
// needs beyond its inputs and its result, at its peak; null where the system does not tell.
import { readFileSync, writeFileSync } from 'node:fs'
import { fieldTarget, memory, Tensor } from '../../dist/index.js'
import { readFieldInputs } from './field-inputs.js'

/** Starts the threads and reads the code in. */
async function warmUp() {
  const points = await Tensor.from(new Float32Array(64), [8, 8])
  await fieldTarget(points, points, await Tensor.from(new Float32Array(8).fill(1), [8]))
}

/** Makes the peak that the system remembers the present. */
function forgetPeak() {
  writeFileSync('/proc/self/clear_refs', '5')
}

function peak() {
  const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return Number(kilobytes) * 1024
}

async function extraBytes(data) {
  const { sources, x, z } = await readFieldInputs(data)
  await warmUp()
  forgetPeak()
  const before = memory().resident
  const target = await fieldTarget(sources, x, z)
  return peak() - before - target.size * 4
}

console.log(await extraBytes(JSON.parse(process.argv[2])).catch(() => null))
