import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import { writeWhole } from './whole-file.js'

/** A file of an archive. */
export interface ZipItem {
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * Writes a zip archive whose files are stored as they are, without compression; it appears whole or not at all.
 * @throws PfgmError `ERR_PFGM_IO` where it cannot be written
 */
export async function writeZip(path: string, items: Iterable<ZipItem>): Promise<void> {
  const zip = new ZipFile()
  // A date that does not change, so that equal content is an equal file.
  const options = { compress: false, mtime: new Date(1980, 0, 1), forceDosTimestamp: true }
  for (const { name, bytes } of items) {
    zip.addBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), name, options)
  }
  zip.end()
  await writeWhole(path, async (temporary) => {
    await pipeline(zip.outputStream, createWriteStream(temporary))
  })
}
