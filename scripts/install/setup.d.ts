import type { AddonMeta, LocatedAddon } from './locate.js'

export interface ProgressEvent {
  phase: 'find' | 'download' | 'unpack' | 'configure' | 'compile' | 'check'
  /** what is being done, in words */
  message: string
  /** how far it is; bytes where `unit` says so */
  done?: number
  total?: number | undefined
  unit?: 'bytes'
}

export type OnProgress = (event: ProgressEvent) => void

export interface SetupOptions {
  /** a libtorch folder, or an archive of one (.zip, .whl, .tar.gz) */
  libtorch?: string | undefined
  /** build anew even where the addon is there */
  force?: boolean | undefined
  /** whether libtorch may be downloaded where none is there; default true */
  download?: boolean | undefined
  /** use a prebuilt addon, never compile */
  prebuiltOnly?: boolean | undefined
  onProgress?: OnProgress | undefined
}

export interface SetupReport {
  ok: boolean
  /** what was done */
  action: 'none' | 'adopted' | 'built' | 'failed'
  /** one paragraph: what was done, or what is missing and the command that mends it */
  summary: string
  /** the addon, where ok */
  file?: string
  meta?: AddonMeta
  seconds: number
}

/** Finds or downloads libtorch and builds the addon for it. Failures are reported, not thrown. */
export declare function setup(options?: SetupOptions): Promise<SetupReport>

/**
 * The addon, set up first where it is not there. Throws an error with the code ERR_PFGM_SETUP where that fails.
 * `onReport` hears what a setup did, where one was needed.
 */
export declare function ensureAddon(options?: {
  onProgress?: OnProgress | undefined
  onReport?: ((report: SetupReport) => void) | undefined
}): Promise<LocatedAddon>
