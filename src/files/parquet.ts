import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { ColumnMetaData, FileMetaData, SchemaTree } from 'hyparquet'
import { PfgmError } from '../errors.js'
import { type PageHeader, readPageHeader } from './parquet-header.js'
import { type ParquetValue, pageValues, plain, type Storage, unpacked } from './parquet-page.js'
import { dataError, fileError, reason } from './read.js'
import { readThrift } from './thrift.js'

export type { ParquetValue } from './parquet-page.js'

/** Values of a column from some row on. */
export interface ParquetPage {
  readonly firstRow: number
  /** Where the page begins in the file, in bytes. */
  readonly offset: number
  readonly values: readonly ParquetValue[]
}

/** A column that holds values, one a row. */
export interface ParquetColumn {
  /** The names that lead to it. */
  readonly path: readonly string[]
  /** As Parquet names types: `BYTE_ARRAY`, `INT64`, … */
  readonly type: string
  readonly optional: number
}

const MAGIC = 'PAR1'
const LONGEST_FOOTER = 2 ** 26
const MOST_COLUMNS = 1000
/** Unpacked, in bytes, and in rows. */
const LARGEST_PAGE = 2 ** 28
const LONGEST_PAGE = 2 ** 22
/** Writers end a dictionary at a megabyte; each of its values takes a hundred bytes of memory, and no row. */
const LONGEST_DICTIONARY = 2 ** 20
const LONGEST_HEADER = 2 ** 16

/** Whether the bytes begin like a Parquet file. */
export function isParquet(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 4)).toString('latin1') === MAGIC
}

/** A Parquet file, whose columns are read page by page. */
export class ParquetFile implements AsyncDisposable {
  readonly path: string
  /** Those that have one value a row, of bytes or whole numbers. */
  readonly columns: readonly ParquetColumn[]
  readonly rows: number
  readonly #file: FileHandle
  readonly #size: number
  readonly #metadata: FileMetaData

  private constructor(
    path: string,
    file: FileHandle,
    size: number,
    metadata: FileMetaData,
    columns: readonly ParquetColumn[],
  ) {
    this.path = path
    this.#file = file
    this.#size = size
    this.#metadata = metadata
    this.columns = columns
    const counts = metadata.row_groups.map((group) => Number(group.num_rows))
    this.rows = counts.reduce((sum, count) => sum + count, 0)
    if (!counts.every((count) => count >= 0) || this.rows > size) {
      throw dataError(path, 'at most a row a byte', `${this.rows} rows in ${size} bytes`)
    }
  }

  /** @throws PfgmError `ERR_PFGM_DATA` where it is no whole Parquet file */
  static async open(path: string): Promise<ParquetFile> {
    let file: FileHandle
    try {
      file = await open(path)
    } catch (cause) {
      throw fileError(path, 'a Parquet file', cause)
    }
    try {
      const { size } = await file.stat()
      const { metadata, columns } = await readFooter(path, file, size)
      return new ParquetFile(path, file, size, metadata, columns)
    } catch (cause) {
      await file.close()
      throw explained(path, 'in its footer', cause)
    }
  }

  /** What the writer has noted under a name. */
  note(key: string): string | undefined {
    return this.#metadata.key_value_metadata?.find((each) => each.key === key)?.value
  }

  /**
   * The pages of a column that have a row from `start` on, in order.
   * @throws PfgmError `ERR_PFGM_DATA` where one is damaged, with its place in the file
   */
  async *pages(column: ParquetColumn, start = 0): AsyncGenerator<ParquetPage> {
    let firstRow = 0
    for (const { columns, num_rows } of this.#metadata.row_groups) {
      const rows = Number(num_rows)
      if (firstRow + rows > start) {
        const name = column.path.join('.')
        const chunk = columns.find(({ meta_data }) => meta_data?.path_in_schema.join('.') === name)?.meta_data
        if (chunk === undefined) throw dataError(this.path, `a column ${name} in every row group`, 'none')
        yield* this.#chunk(column, chunk, firstRow, rows, start)
      }
      firstRow += rows
    }
  }

  /** Of one row group. */
  async *#chunk(
    column: ParquetColumn,
    chunk: ColumnMetaData,
    groupStart: number,
    rows: number,
    start: number,
  ): AsyncGenerator<ParquetPage> {
    const { path } = this
    const { codec, type } = chunk
    const storage: Storage = { type, codec, optional: column.optional }
    const end = this.#endOf(chunk)
    let at = beginOf(chunk)
    let row = groupStart
    let dictionary: ParquetValue[] | undefined
    while (row < groupStart + rows) {
      const offset = at
      let values: ParquetValue[] | undefined
      let count = 0
      try {
        const header = await this.#header(at, end)
        const { stored, size, shape } = header
        const begin = at + header.length
        expectAtMost(stored, end - begin, 'bytes of a page')
        expectAtMost(size, LARGEST_PAGE, 'bytes of a page, unpacked')
        at = begin + stored
        if (header.dictionary !== undefined) {
          expectAtMost(header.dictionary, LONGEST_DICTIONARY, 'values of a dictionary')
          const page = await unpacked(await this.#body(header, begin), codec, size)
          dictionary = plain(page, type, header.dictionary)
        } else if (shape !== undefined) {
          count = shape.count
          expectAtMost(count, Math.min(LONGEST_PAGE, groupStart + rows - row), 'values')
          if (row + count > start) {
            values = await pageValues(await this.#body(header, begin), shape, storage, dictionary, size)
          }
        }
      } catch (cause) {
        throw explained(path, `in the page of column ${column.path.join('.')} at byte ${offset}`, cause)
      }
      if (values !== undefined) yield { firstRow: row, offset, values }
      row += count
    }
  }

  #endOf(chunk: ColumnMetaData): number {
    const begin = beginOf(chunk)
    const end = begin + Number(chunk.total_compressed_size)
    if (Number.isSafeInteger(end) && begin >= 4 && begin <= end && end <= this.#size) return end
    throw dataError(
      this.path,
      'columns within the file',
      `one of ${chunk.total_compressed_size} bytes from ${begin} on`,
    )
  }

  async #header(at: number, end: number): Promise<PageHeader> {
    return readPageHeader(await readAt(this.#file, at, Math.min(LONGEST_HEADER, end - at)))
  }

  async #body({ stored, checksum }: PageHeader, at: number): Promise<Buffer> {
    const bytes = await readAt(this.#file, at, stored)
    if (checksum !== undefined && crc32(bytes) !== checksum)
      throw new Error('a page whose checksum is another')
    return bytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

async function readFooter(
  path: string,
  file: FileHandle,
  size: number,
): Promise<{ metadata: FileMetaData; columns: ParquetColumn[] }> {
  if (size < 12) throw dataError(path, 'a Parquet file', `${size} bytes`)
  const tail = await readAt(file, size - 8, 8)
  if (!isParquet(await readAt(file, 0, 4)) || tail.toString('latin1', 4) !== MAGIC) {
    throw dataError(path, `a whole Parquet file, which begins and ends with ${MAGIC},`, 'something else')
  }
  const length = tail.readUInt32LE(0)
  if (length > Math.min(LONGEST_FOOTER, size - 12)) {
    throw dataError(path, 'a footer within the file, of at most 64 MB,', `one of ${length} bytes`)
  }
  const footer = await readAt(file, size - 8 - length, length + 8)
  readThrift(footer.subarray(0, length), 0) // what comes next would take a list of any length
  const { parquetMetadata, parquetSchema } = await import('hyparquet') // many modules, which few programs need
  const metadata = parquetMetadata(Uint8Array.from(footer), { geoparquet: false })
  if (metadata.schema.length > MOST_COLUMNS) throw new Error(`${metadata.schema.length} columns`)
  return { metadata, columns: columnsOf(metadata, parquetSchema(metadata)) }
}

/** The columns without lists on the way to them; of others rows have any number of values. */
function columnsOf(metadata: FileMetaData, tree: SchemaTree): ParquetColumn[] {
  const chunks = metadata.row_groups[0]?.columns ?? []
  return chunks.flatMap(({ meta_data }) => {
    if (meta_data === undefined) return []
    const { path_in_schema: path, type } = meta_data
    const kinds = leadingTo(tree, path).map(({ element }) => element.repetition_type)
    if (kinds.includes('REPEATED')) return []
    return [{ path, type, optional: kinds.filter((kind) => kind !== 'REQUIRED').length }]
  })
}

/** The elements of the schema on the way to a column. */
function leadingTo(tree: SchemaTree, path: readonly string[]): SchemaTree[] {
  let at = tree
  return path.map((name) => {
    const next = at.children.find(({ element }) => element.name === name)
    if (next === undefined) throw new Error(`a column ${path.join('.')}, which the schema has not`)
    at = next
    return next
  })
}

function beginOf({ dictionary_page_offset: dictionary, data_page_offset: data }: ColumnMetaData): number {
  return Number(dictionary !== undefined && dictionary > 0n && dictionary < data ? dictionary : data)
}

function expectAtMost(value: number, most: number, what: string): void {
  if (value > most) throw new Error(`${value} ${what}, where ${most} are possible`)
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  const { bytesRead } = await file.read(bytes, 0, length, at)
  if (bytesRead < length) throw new Error(`${bytesRead} bytes at ${at} where ${length} belong`)
  return bytes
}

/** Of errors of the engine, which a footer's reader meets where fields are missing, the words say nothing. */
function explained(path: string, place: string, cause: unknown): Error {
  if (cause instanceof PfgmError) return cause
  if (cause instanceof Error && 'syscall' in cause) return fileError(path, 'a Parquet file', cause)
  const why =
    cause instanceof TypeError || cause instanceof RangeError ? 'fields that do not fit' : reason(cause)
  return dataError(path, 'a whole Parquet file', `something else (${place}: ${why})`, { cause })
}
