import { readJson } from '../model.js'
import { readHeader, type Safetensors } from '../safetensors.js'

export type Fields = Readonly<Record<string, unknown>>

/** A slim file of k-diffusion: averaged weights as safetensors, what they are of in its metadata. */
export class KDiffusionFile {
  readonly file: Safetensors
  readonly config: Fields

  constructor(file: Safetensors, config: Fields) {
    this.file = file
    this.config = config
  }
}

/** Undefined where it is another file, or none. */
export async function kDiffusionFile(path: string): Promise<KDiffusionFile | undefined> {
  const file = await readHeader(path).catch(() => undefined)
  if (file === undefined || file.metadata.format === 'pfgm-torch') return undefined
  const config = fieldsOf(readJson(file.metadata.config))
  return typeof fieldsOf(config?.model)?.type === 'string' ? new KDiffusionFile(file, config!) : undefined
}

/** A dictionary of a pickle or of JSON; undefined where it is none. */
export function fieldsOf(value: unknown): Fields | undefined {
  if (value instanceof Map) return Object.fromEntries([...value].filter(([key]) => typeof key === 'string'))
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
}
