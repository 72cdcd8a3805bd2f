// Samples in a worker thread, and says how late the main thread's timers were meanwhile:
//   node examples/worker.js
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { PoissonFlow } from 'pfgm-torch'

if (isMainThread) {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const worker = new Worker(new URL(import.meta.url), { workerData: { count: 16, seed: 7 } })
  const [{ values, shape, nfe }] = await once(worker, 'message') // an error of the worker is thrown here
  delays.disable()
  console.log(`${values.length} values of [${shape.join(', ')}], ${nfe.toFixed(1)} evaluations a sample`)
  console.log(`the main thread's median delay was ${(delays.percentile(50) / 1e6).toFixed(1)} ms`)
} else {
  const flow = await PoissonFlow.load('digits')
  const { images, nfe } = await flow.sample(workerData)
  const values = await images.data()
  parentPort.postMessage({ values, shape: images.shape, nfe }, [values.buffer])
  for (const owned of [images, flow]) owned.dispose()
}
