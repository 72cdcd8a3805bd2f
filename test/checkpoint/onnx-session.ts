import { readFile } from 'node:fs/promises'
import * as ort from 'onnxruntime-web'

// One thread, as the tests of several files run beside each other.
ort.env.wasm.numThreads = 1

export interface OnnxInputs {
  readonly x: Float32Array
  readonly z: Float32Array
  readonly label?: Int32Array
}

/** A file as ONNX Runtime runs it. */
export async function openOnnx(path: string) {
  const session = await ort.InferenceSession.create(await readFile(path), { logSeverityLevel: 4 })
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    /** Outputs by their names. */
    async run({ x, z, label }: OnnxInputs, shape: readonly number[]): Promise<Record<string, Float32Array>> {
      const count = z.length
      const outputs = await session.run({
        x: new ort.Tensor('float32', x, [count, ...shape]),
        z: new ort.Tensor('float32', z, [count]),
        ...(label && { label: new ort.Tensor('int64', BigInt64Array.from(label, BigInt), [count]) }),
      })
      return Object.fromEntries(
        Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]),
      )
    },
    release: () => session.release(),
  }
}
