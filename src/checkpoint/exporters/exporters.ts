import { extname } from 'node:path'
import { describe } from '../../check.js'
import type { Exporter } from './exporter.js'
import { ONNX } from './onnx/onnx.js'
import { PTH } from './pth.js'
import { SAFETENSORS } from './safetensors.js'

/** Every format. A new one is a line here. */
export const EXPORTERS: readonly Exporter[] = [SAFETENSORS, PTH, ONNX]

/** What is to be known of each. */
export const EXPORT_FORMATS: readonly Omit<Exporter, 'write'>[] = EXPORTERS.map(
  ({ write, ...about }) => about,
)

/**
 * The exporter of a format, or where none is given that of the file's extension.
 * @throws RangeError where neither says which
 */
export function exporterOf(path: string, format?: string): Exporter {
  const extension = extname(path).toLowerCase()
  const found = EXPORTERS.find((one) =>
    format === undefined ? one.extension === extension : one.format === format,
  )
  if (found) return found
  const extensions = EXPORTERS.map((one) => one.extension).join(', ')
  throw new RangeError(
    `Expected path to end in ${extensions}, or the format to be given, but received ${describe(path)}`,
  )
}
