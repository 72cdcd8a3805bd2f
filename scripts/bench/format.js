// Numbers for people.

/** Two digits or three. @param {number} value */
export function significant(value) {
  if (value >= 99.5) return Number(value.toPrecision(3)).toLocaleString('en')
  if (value >= 9.95) return value.toFixed(0)
  return value >= 0.995 ? value.toFixed(1) : String(Number(value.toPrecision(2)))
}

/** @param {number | undefined} seconds */
export function duration(seconds) {
  if (seconds === undefined) return '-'
  if (seconds < 0.0000995) return `${significant(seconds * 1e6)} µs`
  return seconds < 0.9995 ? `${significant(seconds * 1000)} ms` : `${significant(seconds)} s`
}

/** @param {number | null | undefined} count */
export function bytes(count) {
  if (count == null) return '-'
  return count < 1e9 ? `${significant(count / 1e6)} MB` : `${significant(count / 1e9)} GB`
}

/** @param {number | undefined} ratio */
export function times(ratio) {
  if (ratio === undefined) return '-'
  return `${ratio < 0.995 ? ratio.toFixed(2) : significant(ratio)}x`
}
