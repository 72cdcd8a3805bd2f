import { z } from 'zod'
import { kind, list, parse, TEXT } from '../arguments/schema.js'
import {
  COLOURS,
  caption,
  dot,
  FAINT,
  horizontal,
  logarithmic,
  type Place,
  page,
  polyline,
  powersOfTen,
  rangeOf,
  text,
  tickLabel,
  vertical,
  within,
} from '../pictures/chart.js'
import type { ComparisonPoint, SolverComparison } from './solver-comparison.js'

/** Of a panel with its left margin, and of what is beside the panels. */
const PANEL = 740
const HEIGHT = 620
const LEFT = 80
const LEGEND = 220
const TOP = 76
const BOTTOM = 60
const METHOD_COLOURS = Object.values(COLOURS)
const GREY_LEVEL = 1 / 255
const EVALUATION_TICKS = [5, 10, 15, 20, 30, 50, 100, 200, 500, 1000]

/** A figure of every point against evaluations, both logarithmic. */
interface Panel {
  /** Where its left margin begins. */
  readonly from: number
  readonly title: string
  readonly points: readonly ComparisonPoint[]
  readonly figure: (point: ComparisonPoint) => number
  /** A value to compare with. */
  readonly level: { readonly value: number; readonly name: string }
}

/** Infinite for a solver that broke down. */
const NUMBER = kind<number>('a number', (value) => typeof value === 'number')

/** What is drawn of a comparison. */
const COMPARISON = z.object({
  points: list(
    z.object({
      solver: TEXT,
      evaluations: NUMBER,
      mean: NUMBER,
      energyDistance: NUMBER.optional(),
    }),
    1_000_000,
    'an array of points',
  ),
  energyDistance: NUMBER.optional(),
})

/**
 * A comparison as a chart, an SVG: mean error against evaluations, and energy distance beside it where it was measured; a
 * line a solver, its colour the method's. Solvers that broke down are left out.
 * @param comparison as `compareSolvers` gives it
 * @param title what was compared, above the chart
 * @throws TypeError or RangeError for what is none
 */
export function solversChart(comparison: SolverComparison, title: string): string {
  parse('comparison', COMPARISON, comparison)
  parse('title', z.string(), title)
  const panels = panelsOf(comparison)
  const names = [...new Set(panels.flatMap(({ points }) => points.map(({ solver }) => solver)))]
  const methods = [...new Set(names.map(methodOf))]
  const colour = (name: string) => METHOD_COLOURS[methods.indexOf(methodOf(name)) % METHOD_COLOURS.length]!
  const width = panels.length * PANEL + LEGEND
  return page({ width, height: HEIGHT, label: 'Error against evaluations', title }, [
    ...panels.flatMap((panel) => drawPanel(panel, colour)),
    ...names.flatMap((name, i) =>
      legendEntry(name, colour(name), width - LEGEND + 24, TOP + 8 + i * Math.min(18, 500 / names.length)),
    ),
  ])
}

function panelsOf({ points, energyDistance }: SolverComparison): Panel[] {
  const error = {
    from: 0,
    title:
      'mean |error| of pixels in [0, 1] against evaluations a sample; karras is solid, uniform in ln z dashed',
    points: points.filter(isDrawn),
    figure: ({ mean }: ComparisonPoint) => mean,
    level: { value: GREY_LEVEL, name: 'grey level' },
  }
  if (energyDistance === undefined || energyDistance <= 0) return [error]
  const distance = {
    from: PANEL,
    title: 'energy distance of the samples to the data',
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
  { from, title, points, figure, level }: Panel,
  colour: (name: string) => string,
): string[] {
  const across = rangeOf(points.map(({ evaluations }) => evaluations))
  const up = rangeOf([...points.map(figure), level.value])
  const [left, right, bottom] = [from + LEFT, from + PANEL, HEIGHT - BOTTOM]
  const x = logarithmic(across, left, right)
  const y = logarithmic(up, bottom, TOP)
  const yLabel = (value: number, name: string) => tickLabel(left - 10, y(value) + 4, name, 'end')
  // The level's name has its place to itself.
  const isFree = (tick: number) => Math.abs(y(tick) - y(level.value)) >= 12
  return [
    caption(title, from),
    ...within(EVALUATION_TICKS, across).flatMap((tick) => [
      vertical(x(tick), TOP, bottom),
      tickLabel(x(tick), bottom + 20, String(tick), 'middle'),
    ]),
    ...powersOfTen(up).flatMap((tick) => [
      horizontal(y(tick), left, right),
      ...(isFree(tick) ? [yLabel(tick, String(tick))] : []),
    ]),
    horizontal(y(level.value), left, right, { stroke: FAINT, dashes: '2 3' }),
    yLabel(level.value, level.name),
    ...bySolver(points).map(([name, some]) =>
      drawLine(
        some.map((point) => ({ x: x(point.evaluations), y: y(figure(point)) })),
        colour(name),
        dashesOf(name),
      ),
    ),
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

function dashesOf(solver: string): string | undefined {
  if (/ (uniform|pi)$/.test(solver)) return '5 4'
  return solver.endsWith(' pid') ? '2 3' : undefined
}

function drawLine(places: readonly Place[], colour: string, dashes: string | undefined): string {
  const line = [...places].sort((a, b) => a.x - b.x)
  const dots = line.map((place) => dot(place, 2.5, colour))
  return [polyline(line, { stroke: colour, width: 1.8, dashes }), ...dots].join('')
}

function legendEntry(name: string, colour: string, left: number, y: number): string[] {
  return [
    horizontal(y, left, left + 28, { stroke: colour, width: 2, dashes: dashesOf(name) }),
    text(left + 38, y + 4, name, { size: 12 }),
  ]
}
