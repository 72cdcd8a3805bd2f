import { useId } from 'preact/hooks'
import type { Facts, Model } from './facts.js'
import { SeedField } from './seed-field.js'
import { kindOf, STEPS, solversFor, TOLERANCES, usualTolerance } from './solvers.js'
import type { State } from './state.js'
import { Stops } from './stops.js'

/** More classes than these are chosen from a list. */
const MOST_CHIPS = 12
const GUIDANCES = Array.from({ length: 21 }, (_, i) => i / 4)
const TEMPERATURES = Array.from({ length: 21 }, (_, i) => Number((0.5 + i / 20).toFixed(2)))

interface SettingsProps {
  readonly facts: Facts
  readonly model: Model
  readonly state: State
  readonly change: (part: Partial<State>) => void
}

/** What is drawn, and how. */
export function Settings({ facts, model, state, change }: SettingsProps) {
  const { by, each } = kindOf(state.solver)
  const inSteps = (steps: number) => (each === 1 ? String(steps) : `${steps} × ${each} evaluations`)
  return (
    <form class="card settings" onSubmit={(event) => event.preventDefault()}>
      <h2 class="unseen">Settings</h2>
      <Choice
        name="Model"
        value={model.name}
        names={facts.models.map(({ name }) => name)}
        choose={(name) => change({ model: name, label: undefined, ...solverFor(facts, name, state.solver) })}
      />
      <SeedField name="Seed" seed={state.seed} choose={(seed) => change({ seed })} />
      {model.classes.length > 0 && <Classes {...{ model, state, change }} />}
      {state.label !== undefined && (
        <Stops
          name="Guidance"
          values={GUIDANCES}
          value={state.guidance}
          choose={(guidance) => change({ guidance })}
        />
      )}
      <Choice
        name="Solver"
        value={state.solver}
        names={solversFor(model.flow)}
        choose={(solver) => change({ solver, tolerance: undefined })}
      />
      {by === 'tolerance' ? (
        <Stops
          name="Tolerance"
          values={TOLERANCES}
          value={state.tolerance ?? usualTolerance(state.solver)}
          choose={(tolerance) => change({ tolerance })}
        />
      ) : (
        <Stops
          name="Steps"
          values={STEPS.filter((steps) => steps * each <= facts.evaluations)}
          value={state.steps}
          choose={(steps) => change({ steps })}
          words={inSteps}
        />
      )}
      <Stops
        name="Temperature"
        values={TEMPERATURES}
        value={state.temperature}
        choose={(temperature) => change({ temperature })}
      />
    </form>
  )
}

/** The solver, where another model's flow cannot be followed by it. */
function solverFor({ models }: Facts, name: string, solver: string): Partial<State> {
  const [usual, ...others] = solversFor(models.find((model) => model.name === name)!.flow)
  return others.includes(solver) ? {} : { solver: usual! }
}

function Classes({ model, state, change }: Omit<SettingsProps, 'facts'>) {
  const { classes } = model
  const chosen = state.label === undefined ? -1 : state.label
  const choose = (label: number) => change({ label: label < 0 ? undefined : label })
  const id = useId()
  if (classes.length > MOST_CHIPS) {
    const names = ['any', ...classes]
    return (
      <Choice
        name="Class"
        value={names[chosen + 1]!}
        names={names}
        choose={(name) => choose(names.indexOf(name) - 1)}
      />
    )
  }
  return (
    <fieldset class="setting classes">
      <legend>Class</legend>
      <div class="chips">
        {['any', ...classes].map((name, i) => (
          <label key={name} class={chosen === i - 1 ? 'chip chosen' : 'chip'}>
            <input type="radio" name={id} checked={chosen === i - 1} onChange={() => choose(i - 1)} />
            {name}
          </label>
        ))}
      </div>
    </fieldset>
  )
}

function Choice({
  name,
  value,
  names,
  choose,
}: {
  name: string
  value: string
  names: readonly string[]
  choose: (name: string) => void
}) {
  const id = useId()
  return (
    <div class="setting">
      <label for={id}>{name}</label>
      <select id={id} value={value} onChange={({ currentTarget }) => choose(currentTarget.value)}>
        {names.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
    </div>
  )
}
