import { flagOf } from './errors.js'

/** Numbers as people read them. */

export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** `1 sample`, `1,200 samples`. */
export function several(value: number, thing: string): string {
  return `${count(value)} ${thing}${value === 1 ? '' : 's'}`
}

/** `a sample`, `an image`. */
export function each(thing: string): string {
  return `${/^[aeiou]/.test(thing) ? 'an' : 'a'} ${thing}`
}

export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.round(seconds / 3600)
  if (hours < 48) return minutes % 60 === 0 || hours >= 10 ? `${hours} h` : hoursAndMinutes(minutes)
  return `${count(Math.round(seconds / 86_400))} days`
}

function hoursAndMinutes(minutes: number): string {
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export function bytes(value: number): string {
  const [size, unit] = value < 1e9 ? [value / 1e6, 'MB'] : [value / 1e9, 'GB']
  return `${size.toFixed(size < 10 ? 1 : 0)} ${unit}`
}

/** `64 x 64` pixels in colour, or points: what one item of data is. */
export function items(howMany: number, shape: readonly number[]): string {
  const [channels = 1, height, width] = shape
  if (height === undefined) return `${several(howMany, 'point')} in ${channels} dimensions`
  const colour = channels === 1 ? 'grey' : channels === 3 ? 'colour' : `${channels}-channel`
  return `${count(howMany)} ${colour} ${howMany === 1 ? 'image' : 'images'} of ${width} x ${height} pixels`
}

/** Lines whose second column is aligned. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd()).join('\n')
}

/** An argument as a shell takes it. */
function quoted(argument: string): string {
  return /^[\w./:@=+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`
}

/** A command to type, with options named as in the library; switches that are off are left out. */
export function commandLine(
  words: readonly string[],
  options: Readonly<Record<string, string | number | bigint | boolean | readonly number[]>>,
): string {
  const flags = Object.entries(options).flatMap(([name, value]) =>
    typeof value === 'boolean' ? [flagOf(value ? name : `no-${name}`)] : [flagOf(name), String(value)],
  )
  return ['npx', 'pfgm-torch', ...words, ...flags].map(quoted).join(' ')
}

/** Cells in columns, all but the first to the right. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}
