/** What arguments ask for that memory cannot hold. */
import { totalmem } from 'node:os'
import { PfgmError } from '../errors.js'

/** So much is taken to be there: to ask for the limit takes longer than what is that small. */
const LITTLE = 2 ** 24

/**
 * Refuses what is larger than the memory of the machine or container, before any work.
 * @throws PfgmError `ERR_PFGM_OUT_OF_MEMORY`
 */
export function expectRoom(bytes: number, what: string): void {
  if (bytes <= LITTLE) return
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY
  const most = Math.min(totalmem(), limit)
  if (bytes <= most) return
  throw new PfgmError(
    'ERR_PFGM_OUT_OF_MEMORY',
    `No room for ${bytes} bytes of ${what}: there are ${most} in all`,
  )
}

/** Allocates bytes, or says how many were wanted and for what. */
export function allocateBytes(length: number, what: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length)
  } catch (cause) {
    throw new PfgmError('ERR_PFGM_OUT_OF_MEMORY', `No room for ${length} bytes of ${what}`, { cause })
  }
}
