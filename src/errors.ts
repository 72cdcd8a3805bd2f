/**
 * Failures a caller can tell apart by `code`.
 *
 * | code | meaning |
 * | --- | --- |
 * | `ERR_PFGM_NO_ADDON` | the native addon is not built; the message names the command that builds it |
 * | `ERR_PFGM_ADDON_LOAD` | the addon is there but does not load (other libtorch, missing CPU instructions, not permitted, bundled, …) |
 * | `ERR_PFGM_SETUP` | libtorch could not be got or the addon could not be built |
 * | `ERR_PFGM_LIBTORCH` | libtorch reported an error |
 * | `ERR_PFGM_OUT_OF_MEMORY` | an allocation failed |
 * | `ERR_PFGM_DISPOSED` | a handle was used after `dispose()` |
 * | `ERR_PFGM_DEVICE` | the device asked for is not there |
 * | `ERR_PFGM_DATA` | a data file is missing, truncated, or not what it says it is |
 * | `ERR_PFGM_CHECKPOINT` | a checkpoint is missing, damaged, or of another architecture |
 * | `ERR_PFGM_RUN_EXISTS` | the run folder already holds a run |
 * | `ERR_PFGM_RUN_BUSY` | another process is at work in the folder: it trains there, or draws samples into it |
 * | `ERR_PFGM_IO` | a file could not be read or written |
 * | `ERR_PFGM_STOPPED` | native work was given up, as its caller asked; public functions reject with the signal's reason |
 * | `ERR_PFGM_OVERLOADED` | a sampler takes no more requests for now, or one has not begun by its deadline |
 * | `ERR_PFGM_NOT_FINITE` | the loss or a sample became NaN or infinite |
 */
export type PfgmErrorCode =
  | 'ERR_PFGM_NO_ADDON'
  | 'ERR_PFGM_ADDON_LOAD'
  | 'ERR_PFGM_SETUP'
  | 'ERR_PFGM_LIBTORCH'
  | 'ERR_PFGM_OUT_OF_MEMORY'
  | 'ERR_PFGM_DISPOSED'
  | 'ERR_PFGM_DEVICE'
  | 'ERR_PFGM_DATA'
  | 'ERR_PFGM_CHECKPOINT'
  | 'ERR_PFGM_RUN_EXISTS'
  | 'ERR_PFGM_RUN_BUSY'
  | 'ERR_PFGM_IO'
  | 'ERR_PFGM_STOPPED'
  | 'ERR_PFGM_NOT_FINITE'
  | 'ERR_PFGM_OVERLOADED'

/** An error of this package. Wrong arguments throw `TypeError` or `RangeError` instead. */
export class PfgmError extends Error {
  /** What a stack trace calls it. */
  override readonly name = 'PfgmError'
  /** What went wrong, for programs. */
  readonly code: PfgmErrorCode

  constructor(code: PfgmErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
