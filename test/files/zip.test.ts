import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { NpzArchive } from '../../src/files/npz-archive.js'
import { readTorchFile } from '../../src/files/torch-file.js'
import { goldenPath } from '../golden.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-zip-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('an archive that leads out of its file is refused, and the process goes on', async () => {
  const bytes = readFileSync(goldenPath('torch-files/zip.pth'))
  const end = bytes.lastIndexOf('PK\x05\x06')
  const locator = Buffer.alloc(20)
  locator.write('PK\x06\x07', 'latin1')
  locator.writeBigUInt64LE(2n ** 63n, 8)
  locator.writeUInt32LE(1, 16)
  const tail = Buffer.from(bytes.subarray(end))
  tail.writeUInt32LE(0xffffffff, 16) // the list of entries is where the locator says
  const file = join(folder, 'out.zip')
  writeFileSync(file, Buffer.concat([bytes.subarray(0, end), locator, tail]))
  await expect(NpzArchive.open(file)).rejects.toThrow('expected a whole archive of NumPy files')
  await expect(readTorchFile(file)).rejects.toThrow('expected a whole file of torch.save')
  await new Promise((resolve) => setTimeout(resolve, 20)) // what is thrown past them would end the process
})
