// A Fastify app with the routes of `pfgm-torch serve` below a path of its own, and one route more on the same sampler:
//   node examples/fastify.js 8080        then: curl -o seven.png 'http://localhost:8080/digits/v1/samples?label=7&zoom=8'
import fastify from 'fastify'
import { createSampler, PoissonFlow } from 'pfgm-torch'
import pfgmTorch from 'pfgm-torch/fastify'

const [port = '8080'] = process.argv.slice(2)
const flow = await PoissonFlow.load('digits')
const app = fastify()

await app.register(pfgmTorch, { prefix: '/digits', models: { digits: flow }, limits: { count: 16 } })

const sampler = await createSampler({ model: flow, maxRows: 16 })
app.get('/brightness', async ({ query }) => {
  // Network calls are shared with whatever the other routes draw.
  const { values } = await sampler.submit({ seed: Number(query.seed ?? 0), labels: 8 }).result
  return { mean: values.reduce((sum, value) => sum + value, 0) / values.length }
})

app.addHook('onClose', async () => {
  await sampler.close()
  flow.dispose()
})
console.log(await app.listen({ port: Number(port), host: 'localhost' }))
process.once('SIGTERM', () => app.close())
