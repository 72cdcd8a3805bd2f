import { useState } from 'preact/hooks'
import type { RunSummary } from '../../watch/answers.js'
import { colourOf } from './colours.js'
import { type History, smoothed } from './history.js'
import { METRICS, type Metric } from './metrics.js'
import { Plot, type PlotLine } from './plot.js'
import { count, figure } from './words.js'

export interface ChartsProps {
  readonly runs: readonly RunSummary[]
  readonly logs: ReadonlyMap<string, History>
}

/** What was measured in runs, over the same steps. */
export function Charts({ runs, logs }: ChartsProps) {
  const [smoothness, setSmoothness] = useState(0.6)
  const [isLogarithmic, setLogarithmic] = useState(true)
  const [step, setStep] = useState<number>()
  const shown = METRICS.filter(({ name }) =>
    runs.some((run) => (logs.get(run.name)?.of(name).steps.length ?? 0) > 0),
  )
  const until = Math.max(1, ...runs.map((run) => run.step))
  return (
    <section class="card" aria-labelledby="measured">
      <div class="head">
        <h2 id="measured">Measured</h2>
        <label class="inline">
          Smoothing
          <input
            type="range"
            min="0"
            max="0.98"
            step="0.02"
            value={smoothness}
            onInput={({ currentTarget }) => setSmoothness(currentTarget.valueAsNumber)}
          />
        </label>
        <label class="inline">
          <input
            type="checkbox"
            checked={isLogarithmic}
            onChange={({ currentTarget }) => setLogarithmic(currentTarget.checked)}
          />
          Logarithmic
        </label>
      </div>
      {shown.length === 0 && (
        <p class="faint">Nothing yet: the first line of a log comes with a run's tenth step.</p>
      )}
      <div class="charts">
        {shown.map((metric) => (
          <MetricChart
            key={metric.name}
            {...{ metric, runs, logs, until, step, onStep: setStep }}
            smoothness={metric.isRough ? smoothness : 0}
            isLogarithmic={isLogarithmic && metric.mayBeLogarithmic}
          />
        ))}
      </div>
    </section>
  )
}

interface MetricChartProps extends ChartsProps {
  readonly metric: Metric
  readonly smoothness: number
  readonly isLogarithmic: boolean
  readonly until: number
  readonly step: number | undefined
  readonly onStep: (step: number | undefined) => void
}

function MetricChart({
  metric,
  runs,
  logs,
  smoothness,
  isLogarithmic,
  until,
  step,
  onStep,
}: MetricChartProps) {
  const measured = runs.flatMap((run) => {
    const series = logs.get(run.name)?.of(metric.name)
    if (!series || series.steps.length === 0) return []
    return [{ name: run.name, colour: colourOf(run.name), xs: series.steps, raw: series.values }]
  })
  const lines = measured.map(({ raw, ...line }) => ({
    ...line,
    ys: smoothness > 0 ? smoothed(raw, smoothness) : raw,
    hasDots: metric.isRare,
  }))
  const behind =
    smoothness > 0 ? measured.map(({ raw, ...line }) => ({ ...line, ys: raw, isFaint: true })) : []
  const version = `${smoothness} ${measured.map(({ name, xs }) => `${name} ${xs.length} ${xs.at(-1)}`).join(' ')}`
  const said = lines.map(({ name, ys }) => `${name} ${figure(ys.at(-1))}`).join(', ')
  return (
    <figure class="metric">
      <figcaption>
        <span class="title">{metric.title}</span>
        <span class="faint">{step === undefined ? 'newest' : `step ${count(step)}`}</span>
      </figcaption>
      <Plot
        label={`${metric.title} over steps; newest: ${said}`}
        lines={[...behind, ...lines]}
        {...{ isLogarithmic, until, version, onStep }}
      />
      <ul class="readout">
        {lines.map((line) => (
          <li key={line.name}>
            <span class={`dot ${line.colour}`} /> <span class="name">{line.name}</span>{' '}
            <b>{figure(valueAt(line, step))}</b>
          </li>
        ))}
      </ul>
    </figure>
  )
}

/** The value at a step, or the one before; the newest where there is no step. */
function valueAt({ xs, ys }: PlotLine, step: number | undefined): number | undefined {
  if (step === undefined) return ys.at(-1)
  let [low, high] = [0, xs.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (xs[middle]! <= step) low = middle + 1
    else high = middle
  }
  return ys[low - 1]
}
