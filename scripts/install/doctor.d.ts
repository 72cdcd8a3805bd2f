export interface Finding {
  /** what was looked at */
  name: string
  ok: boolean
  /** what was found */
  detail: string
  /** the command or step that mends it; empty where ok */
  fix: string
}

/** Looks at everything that the library needs, in order; tells cause from cause. Changes nothing. */
export declare function doctor(): Promise<Finding[]>
