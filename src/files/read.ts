import type { Dirent, Stats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { PfgmError } from '../errors.js'

const gunzipAsync = promisify(gunzip)

/** Whether the bytes begin like a gzip file; the name alone does not tell. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/** The whole file. */
export async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw fileError(file, 'a file', cause)
  }
}

/** The whole file, unpacked where it is gzipped. */
export async function readUnpacked(file: string): Promise<Buffer> {
  const bytes = await readBytes(file)
  if (!isGzip(bytes)) return bytes
  try {
    return await gunzipAsync(bytes)
  } catch (cause) {
    throw dataError(file, 'a complete gzip file', `${bytes.length} bytes (${reason(cause)})`, { cause })
  }
}

/** What is at the path; `undefined` where nothing is. */
export async function lookAt(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return undefined
    throw fileError(path, 'a file or folder', cause)
  }
}

/** The entries of a folder, sorted by name (by code unit, so the order is the same everywhere). */
export async function listFolder(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (cause) {
    throw fileError(folder, 'a folder', cause)
  }
}

/** The first line of what went wrong, for use inside another message. */
export function reason(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return text.split('\n')[0] ?? ''
}

/** The error for a file that is not what it should be: names the file, what was expected and what came. */
export function dataError(
  file: string,
  expected: string,
  received: string,
  options?: ErrorOptions,
): PfgmError {
  return new PfgmError('ERR_PFGM_DATA', `${file}: expected ${expected} but received ${received}`, options)
}

/** The error for a path that could not be read. */
export function fileError(path: string, expected: string, cause: unknown): PfgmError {
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
