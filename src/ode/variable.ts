/** What a method steps in: ln z, in which a Poisson flow is smooth over its whole range, or z itself. */
export interface Variable {
  readonly name: string
  toTime(height: number): number
  toHeight(time: number): number
  /** Whether drifts are wanted per unit of z rather than per unit of ln z. */
  readonly perHeight: boolean
}

export const LOG_HEIGHT: Variable = { name: 'ln z', toTime: Math.log, toHeight: Math.exp, perHeight: false }

export const HEIGHT: Variable = {
  name: 'z',
  toTime: (height) => height,
  toHeight: (time) => time,
  perHeight: true,
}
