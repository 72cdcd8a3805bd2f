/** Numbers as people read them. */

export const count = (value: number): string => value.toLocaleString('en-US')

/** A measured value, in as many digits as are read. */
export function figure(value: number | undefined): string {
  if (value === undefined) return '–'
  const size = Math.abs(value)
  if (size >= 1000) return count(Math.round(value))
  return size === 0 || size >= 0.001 ? String(Number(value.toPrecision(3))) : value.toExponential(1)
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`
}
