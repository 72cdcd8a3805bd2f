import type { Combination } from '../../native/addon.js'

/** The state as it is. */
export const IDENTITY: Combination = { ofX: 1, ofK: [] }
