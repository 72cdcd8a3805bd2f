import { open } from 'node:fs/promises'

/** As far into a file as the formats have their marks. */
const HEAD = 512

/** The first bytes of a file, fewer where it is shorter. */
export async function readHead(path: string): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD), 0, HEAD, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
