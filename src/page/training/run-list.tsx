import type { RunSummary } from '../../watch/answers.js'
import { colourOf } from './colours.js'
import { count, duration } from './words.js'

export interface RunListProps {
  readonly runs: readonly RunSummary[]
  readonly chosen: ReadonlySet<string>
  readonly onChoose: (chosen: ReadonlySet<string>) => void
}

/** The runs, of which some are chosen to be shown. */
export function RunList({ runs, chosen, onChoose }: RunListProps) {
  const toggle = (name: string, isOn: boolean) => {
    const others = [...chosen].filter((each) => each !== name)
    onChoose(new Set(isOn ? [...others, name] : others))
  }
  return (
    <fieldset class="card runs">
      <legend>
        <h2>Runs</h2>
      </legend>
      <ul>
        {runs.map((run) => (
          <li key={run.name}>
            <label>
              <input
                type="checkbox"
                checked={chosen.has(run.name)}
                onChange={({ currentTarget }) => toggle(run.name, currentTarget.checked)}
              />
              <span class={`dot ${colourOf(run.name)}`} />
              <span class="name">{run.name}</span>
              <span class="what faint">{whatOf(run)}</span>
              <span class="faint state">{stateOf(run)}</span>
            </label>
            {run.state === 'training' && (
              <progress
                aria-label={`${run.name}: steps`}
                max={run.steps}
                value={Math.min(run.step, run.steps)}
              />
            )}
          </li>
        ))}
      </ul>
      {runs.length > 1 && (
        <div class="buttons">
          <button type="button" onClick={() => onChoose(new Set(runs.map(({ name }) => name)))}>
            All
          </button>
          <button type="button" onClick={() => onChoose(new Set())}>
            None
          </button>
        </div>
      )}
    </fieldset>
  )
}

function whatOf({ data, flow, shape }: RunSummary): string {
  const [channels, height, width] = shape
  const size = height === undefined ? `${channels}-D points` : `${width} × ${height}`
  return `${data}, ${size}, ${flow}`
}

function stateOf({ state, step, steps, secondsLeft }: RunSummary): string {
  const place = `step ${count(step)} of ${count(steps)}`
  if (state === 'ended') return `ended at step ${count(step)}`
  if (state === 'stopped') return `stopped at ${place}`
  return secondsLeft === undefined ? place : `${place}, ${duration(secondsLeft)} left`
}
