import type { ComparisonPoint } from '../index.js'

const WIDTH = 960
const HEIGHT = 620
const LEFT = 80
const RIGHT = 220
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
]
const GREY_LEVEL = 1 / 255

/** A logarithmic axis: where on the page a value lies. */
type Axis = (value: number) => number

/** Mean error against evaluations, both logarithmic, a line a solver: its colour is the method's. */
export function solversChart(points: readonly ComparisonPoint[], title: string): string {
  const lines = bySolver(points.filter(isDrawn))
  const drawn = lines.flatMap(([, line]) => line)
  const x = axis(
    drawn.map(({ evaluations }) => evaluations),
    LEFT,
    WIDTH - RIGHT,
  )
  const y = axis([...drawn.map(({ mean }) => mean), GREY_LEVEL], HEIGHT - BOTTOM, TOP)
  const methods = [...new Set(lines.map(([name]) => methodOf(name)))]
  const colour = (name: string) => COLOURS[methods.indexOf(methodOf(name)) % COLOURS.length]!
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="Error against evaluations" ${FONT}>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="8" fill="#ffffff"/>`,
    text(24, 34, title, 18, { weight: 600 }),
    text(
      24,
      55,
      'mean |error| of pixels in [0, 1] against evaluations a sample; karras is solid, uniform in ln z dashed',
      12,
      {
        fill: FAINT,
      },
    ),
    ...gridLines(drawn, x, y),
    ...lines.map(([name, line]) => drawLine(name, line, colour(name), x, y)),
    ...lines.flatMap(([name], i) =>
      legendEntry(name, colour(name), TOP + 8 + i * Math.min(18, 500 / lines.length)),
    ),
    '</svg>\n',
  ].join('\n')
}

/** Solvers that broke down would press all others into a corner. */
function isDrawn({ mean }: ComparisonPoint): boolean {
  return mean > 0 && mean < 0.3
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

function axis(values: readonly number[], from: number, to: number): Axis {
  const low = Math.log(Math.min(...values))
  const high = Math.max(Math.log(Math.max(...values)), low + 1e-3)
  return (value) => from + ((Math.log(value) - low) / (high - low)) * (to - from)
}

function gridLines(points: readonly ComparisonPoint[], x: Axis, y: Axis): string[] {
  const within = (values: readonly number[], ticks: readonly number[]) =>
    ticks.filter((tick) => tick >= Math.min(...values) && tick <= Math.max(...values))
  const across = within(
    points.map(({ evaluations }) => evaluations),
    [5, 10, 15, 20, 30, 50, 100, 200, 500, 1000],
  )
  const up = within(
    points.map(({ mean }) => mean),
    [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
  )
  const level = y(GREY_LEVEL).toFixed(1)
  return [
    ...across.flatMap((tick) => [
      `<line x1="${x(tick).toFixed(1)}" x2="${x(tick).toFixed(1)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="${LINE}"/>`,
      text(x(tick), HEIGHT - BOTTOM + 20, String(tick), 11, { anchor: 'middle', fill: FAINT }),
    ]),
    ...up.flatMap((tick) => [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" stroke="${LINE}"/>`,
      text(LEFT - 10, y(tick) + 4, String(tick), 11, { anchor: 'end', fill: FAINT }),
    ]),
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${level}" y2="${level}" stroke="${FAINT}" stroke-dasharray="2 3"/>`,
    text(WIDTH - RIGHT, y(GREY_LEVEL) - 6, 'one grey level of 255', 11, { anchor: 'end', fill: FAINT }),
  ]
}

function drawLine(name: string, line: readonly ComparisonPoint[], colour: string, x: Axis, y: Axis): string {
  const at = [...line]
    .sort((a, b) => a.evaluations - b.evaluations)
    .map(({ evaluations, mean }) => `${x(evaluations).toFixed(1)},${y(mean).toFixed(1)}`)
  const dots = at.map((place) => {
    const [cx, cy] = place.split(',')
    return `<circle cx="${cx}" cy="${cy}" r="2.5" fill="${colour}"/>`
  })
  return `<polyline points="${at.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.8"${dashes(name)}/>${dots.join('')}`
}

const dashes = (name: string): string => {
  if (/ (uniform|pi)$/.test(name)) return ' stroke-dasharray="5 4"'
  return name.endsWith(' pid') ? ' stroke-dasharray="2 3"' : ''
}

function legendEntry(name: string, colour: string, y: number): string[] {
  const left = WIDTH - RIGHT + 24
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
