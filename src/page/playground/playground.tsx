import { useAnswer } from '../shell/answer.js'
import { Notice } from '../shell/notice.js'
import { Between } from './between.js'
import { ErrorChart } from './error-chart.js'
import { askFacts, type Facts, type Model } from './facts.js'
import { Fill } from './fill.js'
import { useForming } from './forming.js'
import { Sample } from './sample.js'
import { Seeds } from './seeds.js'
import { Settings } from './settings.js'
import type { State } from './state.js'
import { useStateInAddress } from './state-in-address.js'

/** Samples of the service's models, and what can be done with them. */
export function Playground() {
  const { value: facts, error, isBusy, again } = useAnswer('facts', askFacts)
  const [state, change] = useStateInAddress()
  const named = facts?.models.find(({ name }) => name === state.model)
  const model = named ?? facts?.models[0]
  return (
    <>
      <Notice text={error} again={again} />
      {isBusy && <p class="faint">Asking what is served …</p>}
      {facts && !model && <p>No model that draws pictures is served: {facts.others.join(', ')}.</p>}
      {facts && model && (
        <>
          {state.model !== undefined && !named && (
            <p class="hint">
              No model {state.model} is served here; this is {model.name}.
            </p>
          )}
          <OfModel key={model.name} {...{ facts, model, change }} state={withClass(state, model)} />
          <p class="faint reference">
            <a href="docs">All that this service answers</a>
          </p>
        </>
      )}
    </>
  )
}

/** The state without a class that the model has not. */
const withClass = (state: State, { classes }: Model): State =>
  state.label !== undefined && state.label >= classes.length ? { ...state, label: undefined } : state

function OfModel({
  facts,
  model,
  state,
  change,
}: {
  facts: Facts
  model: Model
  state: State
  change: (part: Partial<State>) => void
}) {
  const sample = useForming(model, state)
  const all = { facts, model, state, change }
  const isTurn = !sample.isBusy
  return (
    <div class="playground">
      <Sample {...{ model, state }} answer={sample} />
      <Settings {...all} />
      <Seeds {...all} isTurn={isTurn} />
      <Between {...all} isTurn={isTurn} />
      <ErrorChart {...all} isTurn={isTurn} />
      <Fill {...all} png={sample.value?.done?.image} />
    </div>
  )
}
