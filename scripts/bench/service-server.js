// The service that the bench asks, in a process of its own. With --equal-only requests go through the network only beside
// those of the same settings, as servers of diffusion models batch them: who comes later waits for the next batch.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import fastify from 'fastify'
import pfgmTorch from '../../dist/server/plugin.js'
import { Shelf } from '../../dist/server/shelf.js'

const shelf = await Shelf.open({ digits: 'digits' }, { maxRows: 64, queueLimit: 10_000 })
const { served, release } = await shelf.hold('digits')
const { sampler } = served
release()
if (process.argv.includes('--equal-only')) onlyEqual(sampler)
const app = fastify()
await app.register(pfgmTorch, { models: shelf })
const url = await app.listen({ port: 0 })
const delays = monitorEventLoopDelay({ resolution: 1 })
process.on('message', (what) => {
  if (what === 'begin') delays.enable()
  if (what === 'end') {
    delays.disable()
    process.send({ p99: delays.percentile(99) / 1e6, figures: sampler.figures })
    delays.reset()
  }
  if (what === 'close') app.close().then(() => process.disconnect())
})
process.send({ url })

/** All that wait and want what the first one wants are drawn; whoever comes meanwhile waits until they all are. */
function onlyEqual(of) {
  const submit = of.submit.bind(of)
  const waiting = []
  let running = 0
  const next = () => {
    if (running > 0 || waiting.length === 0) return
    const [{ settings }] = waiting
    const turn = waiting.filter((one) => one.settings === settings)
    for (const one of turn) {
      waiting.splice(waiting.indexOf(one), 1)
      one.begin()
    }
  }
  of.submit = ({ seed, signal, ...rest }) => {
    const result = new Promise((resolve, reject) => {
      const begin = () => {
        running += 1
        submit({ seed, signal, ...rest })
          .result.then(resolve, reject)
          .finally(() => {
            running -= 1
            next()
          })
      }
      waiting.push({ settings: JSON.stringify(rest), begin })
      next()
    })
    return { result }
  }
}
