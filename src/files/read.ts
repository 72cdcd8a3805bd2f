import { createHash } from 'node:crypto'
import { createReadStream, type Stats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { PfgmError } from '../errors.js'

/** A path; as bytes where these are no UTF-8, which text cannot hold. */
export type FilePath = string | Buffer

/** Whether the bytes begin like a gzip file; the name alone does not tell. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/** The whole file. */
export async function readBytes(file: FilePath): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw fileError(file, 'a file', cause)
  }
}

/** Tells a file's content from every other: the first half of its SHA-256, in hexadecimal. */
export async function hashOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex').slice(0, 32)
}

/** What is at the path; `undefined` where nothing is. */
export async function lookAt(path: FilePath): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(cause) ?? '')) return undefined
    throw fileError(path, 'a file or folder', cause)
  }
}

/** What is in a folder. */
export interface FolderEntry {
  /** As text, with replacement characters where it is no UTF-8. */
  readonly name: string
  readonly path: FilePath
  /** Of what a link leads to; `nothing` where it leads nowhere, `other` for sockets and the like. */
  readonly kind: 'file' | 'folder' | 'nothing' | 'other'
}

/** The entries of a folder, sorted by name (by code unit, so the order is the same everywhere). */
export async function listFolder(folder: FilePath): Promise<FolderEntry[]> {
  const entries = await readdir(folder, { encoding: 'buffer', withFileTypes: true }).catch((cause) => {
    throw fileError(folder, 'a folder', cause)
  })
  const described = entries.map(async (entry): Promise<FolderEntry> => {
    const path = pathIn(folder, entry.name)
    const kind = kindOf(entry.isSymbolicLink() ? await lookAt(path) : entry)
    return { name: entry.name.toString(), path, kind }
  })
  return (await Promise.all(described)).sort(
    (a, b) => compare(a.name, b.name) || compareBytes(a.path, b.path),
  )
}

function pathIn(folder: FilePath, name: Buffer): FilePath {
  const text = name.toString()
  if (typeof folder === 'string' && Buffer.from(text).equals(name)) return join(folder, text)
  return Buffer.concat([Buffer.from(folder), Buffer.from(sep), name])
}

function kindOf(entry: Pick<Stats, 'isFile' | 'isDirectory'> | undefined): FolderEntry['kind'] {
  if (entry === undefined) return 'nothing'
  return entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : 'other'
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function compareBytes(a: FilePath, b: FilePath): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** The first line of what went wrong, for use inside another message. */
export function reason(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return text.split('\n')[0] ?? ''
}

/** The error for a file that is not what it should be: names the file, what was expected and what came. */
export function dataError(
  file: FilePath,
  expected: string,
  received: string,
  options?: ErrorOptions,
): PfgmError {
  return new PfgmError('ERR_PFGM_DATA', `${file}: expected ${expected} but received ${received}`, options)
}

/** The error for a path that could not be read. */
export function fileError(path: FilePath, expected: string, cause: unknown): PfgmError {
  switch (codeOf(cause)) {
    case 'ENOENT':
      return dataError(path, expected, 'nothing: there is no such path', { cause })
    case 'EISDIR':
      return dataError(path, expected, 'a folder', { cause })
    case 'ENOTDIR':
      return dataError(path, expected, 'a file', { cause })
    default:
      return new PfgmError('ERR_PFGM_IO', `${path}: could not be read: ${reason(cause)}`, { cause })
  }
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined
}
