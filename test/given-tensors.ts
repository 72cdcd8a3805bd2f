import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readHeader } from '../src/checkpoint/safetensors.js'
import type { OwnerHandle } from '../src/native/addon.js'
import { readTensors } from '../src/native/read-tensors.js'

interface Given {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** Gives a network or trainer its tensors, by a file of them. */
export async function giveTensors(
  owner: OwnerHandle,
  tensors: Readonly<Record<string, Given>>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pfgm-tensors-'))
  const path = join(folder, 'given.safetensors')
  const entries: Record<string, object> = {}
  const bytes: Uint8Array[] = []
  let offset = 0
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    entries[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] }
    bytes.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    offset += values.byteLength
  }
  const header = Buffer.from(JSON.stringify(entries))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  await writeFile(path, Buffer.concat([length, header, ...bytes]))
  await readTensors(owner, await readHeader(path))
  await rm(folder, { recursive: true })
}
