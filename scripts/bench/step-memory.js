// Run in a process of its own: prints the bytes that the first training step of a case needs, at its peak, gradients and
// what the optimiser keeps among them; null where the system does not tell.
import { extraBytes } from './extra-bytes.js'
import { OurSteps } from './training.js'

const { name, recompute } = JSON.parse(process.argv[2])
const steps = await OurSteps.ofCase(name, recompute)
console.log(await extraBytes(() => steps.one()))
