/** Numbers as the report shows them. */

export const NOTHING = '–'

/** Two significant digits of a distance, and no more places than chance leaves a meaning. */
export function distance(value: number | undefined): string {
  if (value === undefined) return NOTHING
  return minus(Math.abs(value) >= 1 ? value.toFixed(2) : value.toFixed(4))
}

/** A mean and its spread, to as many places as the spread begins at. */
export function spread(mean: number, deviation: number): string {
  const places = deviation > 0 ? Math.min(8, Math.max(4, Math.ceil(-Math.log10(deviation)))) : 4
  return minus(`${mean.toFixed(places)} ± ${deviation.toFixed(places)}`)
}

export function evaluations(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0)
}

export function milliseconds(seconds: number | undefined): string {
  if (seconds === undefined) return NOTHING
  const value = seconds * 1000
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`
}

/** How many times as much. */
export function times(ratio: number): string {
  return ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1)
}

function minus(text: string): string {
  return text.replace(/^-(?![\d.]*[1-9])/, '').replace('-', '−')
}

export function count(value: number): string {
  return value.toLocaleString('en-US')
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** `a, b and c` */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
