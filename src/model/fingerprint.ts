import { join } from 'node:path'
import { hashOfFile } from '../files/read.js'
import { withTemporaryFolder } from '../files/temporary.js'
import type { Model } from './model.js'

/** Tells a model from every other: by its file, or by the one that would be written of it. */
export async function fingerprintOf(model: Model): Promise<string> {
  if (model.source) return hashOfFile(model.source.path)
  return withTemporaryFolder(async (folder) => {
    const file = join(folder, 'model.safetensors')
    await model.save(file)
    return hashOfFile(file)
  })
}
