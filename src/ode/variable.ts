import type { View } from '../native/addon.js'

/** What a method steps in: ln z, in which a Poisson flow is smooth over its whole range, or z itself. */
export interface Variable {
  readonly name: string
  toTime(height: number): number
  toHeight(time: number): number
  /** The drift per unit of it. */
  readonly view: View
}

export const LOG_HEIGHT: Variable = { name: 'ln z', toTime: Math.log, toHeight: Math.exp, view: 'logHeight' }

export const HEIGHT: Variable = {
  name: 'z',
  toTime: (height) => height,
  toHeight: (time) => time,
  view: 'height',
}
