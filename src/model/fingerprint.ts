import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { temporaryName } from '../../scripts/install/cache.js'
import { hashOfFile } from '../files/read.js'
import type { Model } from './model.js'

/** Tells a model from every other: by its file, or by the one that would be written of it. */
export async function fingerprintOf(model: Model): Promise<string> {
  if (model.source) return hashOfFile(model.source.path)
  const file = temporaryName(join(tmpdir(), 'model.safetensors'))
  try {
    await model.save(file)
    return await hashOfFile(file)
  } finally {
    await rm(file, { force: true })
  }
}
