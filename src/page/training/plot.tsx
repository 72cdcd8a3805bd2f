import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { around, axis, colour, useDark, useWidth } from '../shell/chart.js'

/** A line of a plot. */
export interface PlotLine {
  readonly name: string
  /** Of the style's colours, by name. */
  readonly colour: string
  /** Rising. */
  readonly xs: readonly number[]
  readonly ys: readonly number[]
  /** Thin and pale, behind the others, and not read out. */
  readonly isFaint?: boolean
  /** Whether each of its points is to be seen. */
  readonly hasDots?: boolean
}

export interface PlotProps {
  /** What it shows, for those who do not see it. */
  readonly label: string
  readonly lines: readonly PlotLine[]
  readonly isLogarithmic: boolean
  /** The last step of all plots, which is the end of their axes. */
  readonly until: number
  /** Another one where the lines have other points. */
  readonly version: string
  readonly height?: number
  /** Told of the step under the pointer; undefined where there is none. */
  readonly onStep: (step: number | undefined) => void
}

/** How far axes go beyond the last step, in it, so that its dots are whole. */
const PAST_END = 1.015

/** Plots whose pointers move together. */
const TOGETHER = 'runs'

/** Values over steps, which grow without a new drawing of all that is around them. */
export function Plot({ label, lines, isLogarithmic, until, version, height = 220, onStep }: PlotProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const width = useWidth(box)
  const isDark = useDark()
  const kinds = lines.map(({ name, colour: own, isFaint, hasDots }) => [name, own, isFaint, hasDots])
  const look = JSON.stringify([kinds, isLogarithmic, height, isDark])
  const end = useRef(until)
  end.current = until
  const hasWidth = width > 0
  useEffect(() => {
    if (!box.current || !hasWidth) return
    const options = optionsOf(lines, isLogarithmic, { width, height }, { onStep, end: () => end.current })
    const drawn = new uPlot(options, tableOf(lines, isLogarithmic), box.current)
    plot.current = drawn
    return () => {
      plot.current = undefined
      drawn.destroy()
    }
  }, [look, hasWidth])
  useEffect(() => plot.current?.setSize({ width, height }), [width])
  useEffect(() => plot.current?.setData(tableOf(lines, isLogarithmic)), [version, until])
  return <div class="chart" ref={box} role="img" aria-label={label} style={{ minHeight: `${height}px` }} />
}

/** All lines over all of their steps; values from 0 down are left out of a logarithmic plot. */
function tableOf(lines: readonly PlotLine[], isLogarithmic: boolean): uPlot.AlignedData {
  const tables = lines.map(
    ({ xs, ys }): uPlot.AlignedData => [
      xs as number[],
      isLogarithmic ? ys.map((y) => (y > 0 ? y : null)) : (ys as number[]),
    ],
  )
  return tables.length > 0 ? uPlot.join(tables) : [[]]
}

function optionsOf(
  lines: readonly PlotLine[],
  isLogarithmic: boolean,
  size: { width: number; height: number },
  { onStep, end }: Pick<PlotProps, 'onStep'> & { readonly end: () => number },
): uPlot.Options {
  return {
    ...size,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false, sync: { key: TOGETHER }, points: { size: 7 } },
    scales: {
      x: { time: false, range: () => [0, PAST_END * end()] },
      y: isLogarithmic ? { distr: 3, range: wide } : {},
    },
    axes: [unnamed(axis('', 28, false)), unnamed(axis('', 52, isLogarithmic))],
    series: [{}, ...lines.map(seriesOf)],
    hooks: {
      setCursor: [
        ({ cursor, data }) =>
          onStep(cursor.idx === null || cursor.idx === undefined ? undefined : data[0][cursor.idx]),
      ],
    },
  }
}

/** Wide enough for round values on it, where all are about the same. */
const wide: uPlot.Range.Function = (plot, least, most, scale) =>
  around(least !== null && most > 3 * least ? 1.2 : 2.5)(plot, least, most, scale)

/** The title says what is on the axes. */
const unnamed = ({ label, labelSize, ...rest }: uPlot.Axis): uPlot.Axis => rest

function seriesOf({ name, colour: own, isFaint = false, hasDots = false }: PlotLine): uPlot.Series {
  const stroke = colour(own)
  return {
    label: name,
    stroke,
    width: isFaint ? 1 : 2,
    alpha: isFaint ? 0.4 : 1,
    spanGaps: true,
    points: { show: hasDots, size: 6, stroke, fill: stroke },
  }
}
