import { escaped } from './html.js'

/** A line of a chart. */
export interface ChartLine {
  readonly name: string
  /** Of the style's colours, by name. */
  readonly colour: string
  /** Lengths of dashes and gaps; none: solid. */
  readonly dashes?: readonly number[]
  /** [x, y], by x. */
  readonly points: readonly (readonly [number, number])[]
}

export interface Chart {
  /** What it shows, for those who do not see it. */
  readonly label: string
  /** Above it. */
  readonly title: string
  readonly x: string
  readonly y: string
  readonly lines: readonly ChartLine[]
  /** A value to compare with; lower ones are drawn at it. */
  readonly level?: { readonly value: number; readonly name: string }
}

/** A chart with logarithmic axes that the page's script draws, and its legend. */
export function chart({ label, title, x, y, lines, level }: Chart): string {
  const least = level?.value ?? 0
  const raised = (line: ChartLine) =>
    line.points
      .map(([at, value]) => [at, Math.max(value, least)] as const)
      .filter(([at, value]) => at > 0 && value > 0)
  const drawn = lines
    .map((line) => ({ ...line, points: raised(line) }))
    .filter(({ points }) => points.length > 0)
  const content = JSON.stringify({ x, y, lines: drawn, level }).replaceAll('<', '\\u003c')
  return [
    `<figure><figcaption>${escaped(title)}</figcaption>`,
    `<div class="chart" role="img" aria-label="${escaped(label)}"></div>`,
    `<script type="application/json">${content}</script>`,
    `<ul class="legend">${drawn.map(legendEntry).join('')}${level ? levelEntry(level.name) : ''}</ul>`,
    '</figure>',
  ].join('\n')
}

function legendEntry({ name, colour, dashes = [] }: ChartLine): string {
  return entry(name, `var(--${colour})`, dashes, 2.5)
}

function levelEntry(name: string): string {
  return entry(name, 'var(--faint)', [2, 4], 1.5)
}

function entry(name: string, stroke: string, dashes: readonly number[], width: number): string {
  const line = `<line x1="0" x2="30" y1="6" y2="6" stroke="${stroke}" stroke-width="${width}" stroke-dasharray="${dashes.join(' ')}"/>`
  return `<li><svg width="30" height="12" aria-hidden="true">${line}</svg> ${escaped(name)}</li>`
}
