/** A tensor whose bytes lie in a file one after the other. */
export interface TensorEntry {
  readonly name: string
  /** As safetensors calls them: F32, F16, I64, … */
  readonly dtype: string
  readonly shape: readonly number[]
  /** Bytes from `dataOffset` of the file on. */
  readonly begin: number
  readonly end: number
  /** Of a tensor that is none of the file's but made of them: its bytes. */
  readonly made?: () => Promise<Uint8Array>
}

/** What a file says it holds. */
export interface TensorFile {
  readonly path: string
  readonly entries: ReadonlyMap<string, TensorEntry>
  /** Where the first tensor's bytes begin in the file. */
  readonly dataOffset: number
  /** Of a file whose tensors must all be read, but for some: the names of these. */
  readonly mayBeLeft?: RegExp
}

/** Bytes a value, of the dtypes that are read and written. A map, as files may call a dtype `constructor`. */
export const DTYPE_BYTES: ReadonlyMap<string, number> = new Map([
  ['F64', 8],
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['U8', 1],
  ['I64', 8],
  ['I32', 4],
])
