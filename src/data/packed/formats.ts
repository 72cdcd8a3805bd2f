import type { PackedFormat } from './format.js'
import { PARQUET } from './parquet.js'
import { TAR } from './tar.js'
import { ZIP } from './zip.js'

/** The kinds of files with many images that are read. */
export const PACKED_FORMATS = { zip: ZIP, tar: TAR, parquet: PARQUET } as const satisfies Record<
  string,
  PackedFormat
>
export type PackedName = keyof typeof PACKED_FORMATS
export const PACKED_NAMES = Object.keys(PACKED_FORMATS) as PackedName[]
