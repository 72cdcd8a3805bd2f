import type { ComparisonPoint, SolverComparison } from '../index.js'

/** Of a panel with its left margin, and of what is beside the panels. */
const PANEL = 740
const HEIGHT = 620
const LEFT = 80
const LEGEND = 220
const TOP = 76
const BOTTOM = 60
const FONT = 'font-family="system-ui, -apple-system, \'Segoe UI\', Helvetica, Arial, sans-serif"'
const INK = '#1f2933'
const FAINT = '#52606d'
const LINE = '#d9e2ec'
const COLOURS = [
  '#0b7285',
  '#c92a2a',
  '#2b8a3e',
  '#5f3dc4',
  '#e67700',
  '#1864ab',
  '#a61e4d',
  '#5c940d',
  '#364fc7',
  '#862e9c',
  '#495057',
  '#d9480f',
  '#e64980',
]
const GREY_LEVEL = 1 / 255

/** A logarithmic axis: where on the page a value lies. */
type Axis = (value: number) => number

/** A figure of every point against evaluations, both logarithmic. */
interface Panel {
  /** Where its left margin begins. */
  readonly from: number
  readonly caption: string
  readonly points: readonly ComparisonPoint[]
  readonly figure: (point: ComparisonPoint) => number
  /** A value to compare with. */
  readonly level: { readonly value: number; readonly name: string }
}

/**
 * Mean error against evaluations, and energy distance beside it where it was measured; a line a solver, its colour
 * the method's.
 */
export function solversChart(comparison: SolverComparison, title: string): string {
  const panels = panelsOf(comparison)
  const names = [...new Set(panels.flatMap(({ points }) => points.map(({ solver }) => solver)))]
  const methods = [...new Set(names.map(methodOf))]
  const colour = (name: string) => COLOURS[methods.indexOf(methodOf(name)) % COLOURS.length]!
  const width = panels.length * PANEL + LEGEND
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" width="${width}" height="${HEIGHT}" role="img" aria-label="Error against evaluations" ${FONT}>`,
    `<rect width="${width}" height="${HEIGHT}" rx="8" fill="#ffffff"/>`,
    text(24, 34, title, 18, { weight: 600 }),
    ...panels.flatMap((panel) => drawPanel(panel, colour)),
    ...names.flatMap((name, i) =>
      legendEntry(name, colour(name), width - LEGEND + 24, TOP + 8 + i * Math.min(18, 500 / names.length)),
    ),
    '</svg>\n',
  ].join('\n')
}

function panelsOf({ points, energyDistance }: SolverComparison): Panel[] {
  const error = {
    from: 0,
    caption:
      'mean |error| of pixels in [0, 1] against evaluations a sample; karras is solid, uniform in ln z dashed',
    points: points.filter(isDrawn),
    figure: ({ mean }: ComparisonPoint) => mean,
    level: { value: GREY_LEVEL, name: 'grey level' },
  }
  if (energyDistance === undefined || energyDistance <= 0) return [error]
  const distance = {
    from: PANEL,
    caption: 'energy distance of the samples to the data',
    points: error.points.filter((point) => (point.energyDistance ?? 0) > 0),
    figure: (point: ComparisonPoint) => point.energyDistance!,
    level: { value: energyDistance, name: 'converged' },
  }
  return [error, distance]
}

/** Solvers that broke down would press all others into a corner. */
function isDrawn({ mean }: ComparisonPoint): boolean {
  return mean > 0 && mean < 0.3
}

function drawPanel(
  { from, caption, points, figure, level }: Panel,
  colour: (name: string) => string,
): string[] {
  const across = points.map(({ evaluations }) => evaluations)
  const up = [...points.map(figure), level.value]
  const [left, right] = [from + LEFT, from + PANEL]
  const x = axis(across, left, right)
  const y = axis(up, HEIGHT - BOTTOM, TOP)
  const place = (point: ComparisonPoint) => ({ x: x(point.evaluations), y: y(figure(point)) })
  return [
    text(from + 24, 55, caption, 12, { fill: FAINT }),
    ...within(across, [5, 10, 15, 20, 30, 50, 100, 200, 500, 1000]).flatMap((tick) => [
      line(x(tick), x(tick), TOP, HEIGHT - BOTTOM),
      text(x(tick), HEIGHT - BOTTOM + 20, String(tick), 11, { anchor: 'middle', fill: FAINT }),
    ]),
    ...within(up, [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10]).flatMap((tick) => [
      line(left, right, y(tick), y(tick)),
      // The level's name has this place.
      ...(Math.abs(y(tick) - y(level.value)) < 12 ? [] : [yLabel(left, y(tick), String(tick))]),
    ]),
    line(left, right, y(level.value), y(level.value), ` stroke-dasharray="2 3"`, FAINT),
    yLabel(left, y(level.value), level.name),
    ...bySolver(points).map(([name, some]) => drawLine(name, some.map(place), colour(name))),
  ]
}

function bySolver(points: readonly ComparisonPoint[]): [string, ComparisonPoint[]][] {
  const lines = new Map<string, ComparisonPoint[]>()
  for (const point of points) lines.set(point.solver, [...(lines.get(point.solver) ?? []), point])
  return [...lines]
}

/** `ipndm 2` of `ipndm 2 karras`. */
function methodOf(solver: string): string {
  return solver.replace(/ (karras|uniform|i|pi|pid)$/, '')
}

function within(values: readonly number[], ticks: readonly number[]): number[] {
  return ticks.filter((tick) => tick >= Math.min(...values) && tick <= Math.max(...values))
}

function axis(values: readonly number[], from: number, to: number): Axis {
  const low = Math.log(Math.min(...values))
  const high = Math.max(Math.log(Math.max(...values)), low + 1e-3)
  return (value) => from + ((Math.log(value) - low) / (high - low)) * (to - from)
}

function line(x1: number, x2: number, y1: number, y2: number, style = '', stroke = LINE): string {
  const [a, b, c, d] = [x1, x2, y1, y2].map((at) => at.toFixed(1))
  return `<line x1="${a}" x2="${b}" y1="${c}" y2="${d}" stroke="${stroke}"${style}/>`
}

function yLabel(left: number, y: number, content: string): string {
  return text(left - 10, y + 4, content, 11, { anchor: 'end', fill: FAINT })
}

function drawLine(name: string, places: readonly { x: number; y: number }[], colour: string): string {
  const at = [...places].sort((a, b) => a.x - b.x).map(({ x, y }) => [x.toFixed(1), y.toFixed(1)] as const)
  const dots = at.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="2.5" fill="${colour}"/>`)
  const points = at.map((place) => place.join(',')).join(' ')
  return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="1.8"${dashes(name)}/>${dots.join('')}`
}

const dashes = (name: string): string => {
  if (/ (uniform|pi)$/.test(name)) return ' stroke-dasharray="5 4"'
  return name.endsWith(' pid') ? ' stroke-dasharray="2 3"' : ''
}

function legendEntry(name: string, colour: string, left: number, y: number): string[] {
  return [
    `<line x1="${left}" x2="${left + 28}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="2"${dashes(name)}/>`,
    text(left + 38, y + 4, name, 12),
  ]
}

function text(
  x: number,
  y: number,
  content: string,
  size: number,
  { weight = 400, anchor = 'start', fill = INK } = {},
): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="${fill}">${escaped}</text>`
}
