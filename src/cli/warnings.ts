import { printWarning } from './output.js'
import { count, several } from './words.js'

/** @param thing what left: `sample` */
export function warnOutside(thing: string, outside: number, of: number): void {
  if (outside === 0) return
  printWarning(`${several(outside, thing)} of ${count(of)} left the region that the network was trained on`)
}

/** How many samples' flags are set. */
export function countOutside(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0)
}
