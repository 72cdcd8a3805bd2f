/** Why setup could not do its work. `code` and `name` are those of the library's PfgmError. */
export class SetupError extends Error {
  code = /** @type {const} */ ('ERR_PFGM_SETUP')

  /**
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(message, options) {
    super(message, options)
    this.name = 'PfgmError'
  }
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error)
}
