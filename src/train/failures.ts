import { PfgmError } from '../errors.js'

export function isNotFinite(error: unknown): error is PfgmError {
  return error instanceof PfgmError && error.code === 'ERR_PFGM_NOT_FINITE'
}

/** V8 has an error of its own for an array that finds no room. */
export function isOutOfMemory(error: unknown): error is Error {
  if (error instanceof PfgmError) return error.code === 'ERR_PFGM_OUT_OF_MEMORY'
  return error instanceof RangeError && /allocation failed|array length/i.test(error.message)
}
