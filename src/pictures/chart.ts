/** Pages, axes and marks of charts as SVG. All places are pixels, from the page's top left corner. */

const FONT = 'font-family="system-ui, -apple-system, \'Segoe UI\', Helvetica, Arial, sans-serif"'
const MARGIN = 24

/** Of what is said first. */
const INK = '#1f2933'
/** Of what is said beside it: captions, ticks, levels. */
export const FAINT = '#52606d'
const GRID = '#d9e2ec'

/** Of lines and bars, in the order in which lines take them. */
export const COLOURS = {
  cyan: '#0b7285',
  red: '#c92a2a',
  green: '#2b8a3e',
  violet: '#5f3dc4',
  yellow: '#e67700',
  blue: '#1864ab',
  pink: '#a61e4d',
  lime: '#5c940d',
  indigo: '#364fc7',
  grape: '#862e9c',
  grey: '#495057',
  orange: '#d9480f',
  rose: '#e64980',
} as const

export interface Page {
  readonly width: number
  readonly height: number
  /** What the picture shows, for those who do not see it. */
  readonly label: string
  readonly title: string
}

/**
 * The SVG, with a background of its own: it is read on light pages and on dark ones.
 * @param marks what is drawn below the title
 */
export function page({ width, height, label, title }: Page, marks: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(label)}" ${FONT}>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`,
    text(MARGIN, 34, title, { size: 18, weight: 600 }),
    ...marks,
    '</svg>\n',
  ].join('\n')
}

/** The line below the title. @param left where its panel begins */
export function caption(content: string, left = 0): string {
  return text(left + MARGIN, 55, content, { size: 12, fill: FAINT })
}

export interface Place {
  readonly x: number
  readonly y: number
}

export interface TextStyle {
  readonly size: number
  /** Default 400. */
  readonly weight?: number
  /** Which part of the text lies at x. Default start. */
  readonly anchor?: 'start' | 'middle' | 'end'
  /** Default that of what is said first. */
  readonly fill?: string
}

/** @param y of the baseline */
export function text(
  x: number,
  y: number,
  content: string,
  { size, weight = 400, anchor = 'start', fill = INK }: TextStyle,
): string {
  return `<text x="${tenths(x)}" y="${tenths(y)}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="${fill}">${escaped(content)}</text>`
}

/** A tick's name. */
export function tickLabel(x: number, y: number, content: string, anchor: 'middle' | 'end'): string {
  return text(x, y, content, { size: 11, anchor, fill: FAINT })
}

export interface LineStyle {
  /** Default that of the grid. */
  readonly stroke?: string
  /** Default 1. */
  readonly width?: number
  /** Lengths of dashes and gaps, such as `5 4`. Default none. */
  readonly dashes?: string | undefined
}

export function horizontal(y: number, left: number, right: number, style: LineStyle = {}): string {
  return line({ x: left, y }, { x: right, y }, style)
}

export function vertical(x: number, top: number, bottom: number, style: LineStyle = {}): string {
  return line({ x, y: top }, { x, y: bottom }, style)
}

function line(from: Place, to: Place, style: LineStyle): string {
  return `<line x1="${tenths(from.x)}" x2="${tenths(to.x)}" y1="${tenths(from.y)}" y2="${tenths(to.y)}" ${strokeOf(style)}/>`
}

export function polyline(places: readonly Place[], style: LineStyle): string {
  const points = places.map(({ x, y }) => `${tenths(x)},${tenths(y)}`).join(' ')
  return `<polyline points="${points}" fill="none" ${strokeOf(style)}/>`
}

function strokeOf({ stroke = GRID, width, dashes }: LineStyle): string {
  return [
    `stroke="${stroke}"`,
    ...(width === undefined ? [] : [`stroke-width="${width}"`]),
    ...(dashes === undefined ? [] : [`stroke-dasharray="${dashes}"`]),
  ].join(' ')
}

export function dot({ x, y }: Place, radius: number, fill: string): string {
  return `<circle cx="${tenths(x)}" cy="${tenths(y)}" r="${radius}" fill="${fill}"/>`
}

/** A bar from its top left corner. */
export function bar({ x, y }: Place, width: number, height: number, fill: string): string {
  return `<rect x="${tenths(x)}" y="${tenths(y)}" width="${tenths(width)}" height="${height}" rx="3" fill="${fill}"/>`
}

export interface Range {
  readonly low: number
  readonly high: number
}

export function rangeOf(values: readonly number[]): Range {
  return { low: Math.min(...values), high: Math.max(...values) }
}

/** A logarithmic axis: where a value lies on the page. @param from where the low end lies, `to` the high end */
export function logarithmic(range: Range, from: number, to: number): (value: number) => number {
  const low = Math.log(range.low)
  // A range of a single value must have a length too.
  const high = Math.max(Math.log(range.high), low + 1e-3)
  return (value) => from + ((Math.log(value) - low) / (high - low)) * (to - from)
}

/** From 1e-12 to 1e12; read, as 10 ** n is not always the nearest number. */
const POWERS_OF_TEN = Array.from({ length: 25 }, (_, i) => Number(`1e${i - 12}`))

/** Ticks for any axis. */
export function powersOfTen(range: Range): number[] {
  return within(POWERS_OF_TEN, range)
}

/** Those ticks that lie in the range. */
export function within(ticks: readonly number[], { low, high }: Range): number[] {
  return ticks.filter((tick) => tick >= low && tick <= high)
}

/** Finer than this no screen shows. */
function tenths(pixels: number): string {
  return pixels.toFixed(1)
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
