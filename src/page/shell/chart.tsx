import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

/** A line of a chart. */
export interface ChartLine {
  readonly name: string
  /** Of the style's colours, by name. */
  readonly colour: string
  /** [x, y], by x. */
  readonly points: readonly (readonly [number, number])[]
  /** Whether its points are larger, and no line leads from one to the next. */
  readonly isMark?: boolean
}

export interface ChartProps {
  /** What it shows, for those who do not see it. */
  readonly label: string
  readonly x: string
  readonly y: string
  readonly lines: readonly ChartLine[]
  /** Which axes are logarithmic; values from 0 down are left out there. */
  readonly logarithmic: { readonly x: boolean; readonly y: boolean }
  /** Of its height in pixels. */
  readonly height?: number
}

/** A chart in the colours of the page, as wide as its place. */
export function Chart({ label, x, y, lines, logarithmic, height = 280 }: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const width = useWidth(box)
  const isDark = useDark()
  const [near, setNear] = useState('')
  const shown = JSON.stringify([x, y, lines, logarithmic, height, width, isDark])
  useEffect(() => {
    if (!box.current || width === 0) return
    const drawn = lines.map((line) => ({ ...line, points: line.points.filter(isShown(logarithmic)) }))
    const tables = drawn.map(
      ({ points }): uPlot.AlignedData => [points.map(([at]) => at), points.map(([, value]) => value)],
    )
    const options: uPlot.Options = {
      width,
      height,
      legend: { show: false },
      cursor: { drag: { x: false, y: false } },
      scales: {
        x: { time: false, ...(logarithmic.x && { distr: 3, range: around(1.15) }) },
        y: logarithmic.y ? { distr: 3, range: around(1.5) } : {},
      },
      axes: [axis(x, 40, logarithmic.x), axis(y, 58, logarithmic.y)],
      series: [{}, ...drawn.map(seriesOf)],
      hooks: { setCursor: [(own) => setNear(nearest(own, drawn))] },
    }
    const data = tables.some(([xs]) => xs.length > 0)
      ? uPlot.join(tables)
      : ([[], ...drawn.map(() => [])] as uPlot.AlignedData)
    const chart = new uPlot(options, data, box.current)
    return () => chart.destroy()
  }, [shown])
  return (
    <div class="chart">
      <div ref={box} role="img" aria-label={label} style={{ minHeight: `${height}px` }} />
      <p class="faint near" aria-hidden="true">
        {near}
      </p>
    </div>
  )
}

const isShown =
  (logarithmic: ChartProps['logarithmic']) =>
  ([x, y]: readonly [number, number]) =>
    (!logarithmic.x || x > 0) && (!logarithmic.y || y > 0)

export const colour = (name: string) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()

export function axis(name: string, size: number, isLogarithmic: boolean): uPlot.Axis {
  const line = { stroke: colour('line'), width: 1 }
  const font = '12px system-ui, sans-serif'
  return {
    label: name,
    labelFont: font,
    labelSize: 20,
    font,
    stroke: colour('faint'),
    grid: line,
    ticks: line,
    size,
    ...(isLogarithmic && {
      splits: (_chart, _axis, least, most) => ticks(least, most),
      filter: (_, splits) => splits,
    }),
    values: (_, splits) => splits.map(inWords),
  }
}

function seriesOf({ name, colour: own, isMark = false }: ChartLine): uPlot.Series {
  const stroke = colour(own)
  return {
    label: name,
    stroke,
    width: isMark ? 0 : 2,
    spanGaps: true,
    points: { show: true, size: isMark ? 13 : 7, stroke, fill: stroke },
  }
}

/** Round values on a logarithmic axis: powers of ten, and where those are fewer than three, 2 and 5 times them. */
function ticks(least: number, most: number): number[] {
  const first = Math.floor(Math.log10(least))
  const last = Math.ceil(Math.log10(most))
  const decades = Array.from({ length: last - first + 1 }, (_, i) => Number(`1e${first + i}`))
  const within = (values: number[]) => values.filter((value) => value >= least && value <= most)
  const powers = within(decades)
  return powers.length > 2 ? powers : within(decades.flatMap((power) => [power, 2 * power, 5 * power]))
}

/** The point that is nearest to the cursor, in words. */
function nearest({ cursor: { left = -1, top = -1 }, valToPos }: uPlot, lines: readonly ChartLine[]): string {
  let found = { far: 30, words: '' }
  for (const { name, points } of lines) {
    for (const [x, y] of points) {
      const far = Math.hypot(valToPos(x, 'x') - left, valToPos(y, 'y') - top)
      if (far < found.far) found = { far, words: `${name}: ${inWords(x)}, ${inWords(y)}` }
    }
  }
  return found.words
}

/** An axis from a little before the least to a little after the largest. */
export function around(factor: number): uPlot.Range.Function {
  return (_, least, most) => (least === null || most === null ? [0.1, 1] : [least / factor, most * factor])
}

export function inWords(value: number): string {
  if (value === 0) return '0'
  const size = Math.abs(value)
  return size >= 0.001 && size < 1e5 ? String(Number(value.toPrecision(3))) : value.toExponential(0)
}

export function useWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0)
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)))
    observer.observe(box.current!)
    return () => observer.disconnect()
  }, [box])
  return width
}

/** Whether the reader's screen is dark. */
export function useDark(): boolean {
  const query = matchMedia('(prefers-color-scheme: dark)')
  const [isDark, setDark] = useState(query.matches)
  useEffect(() => {
    const change = () => setDark(query.matches)
    query.addEventListener('change', change)
    return () => query.removeEventListener('change', change)
  }, [query])
  return isDark
}
