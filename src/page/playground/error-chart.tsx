import { useAnswer } from '../shell/answer.js'
import { Chart } from '../shell/chart.js'
import { Notice } from '../shell/notice.js'
import { type Measured, measure, settingsOf } from './errors.js'
import type { PartProps } from './part.js'
import { kindOf, usualTolerance } from './solvers.js'

/** How far a sample is from its exact one, by what it costs. */
export function ErrorChart({ facts, model, state, change, isTurn }: PartProps) {
  const { isNoisy, by } = kindOf(state.solver)
  const isWanted = state.errors === 1 && !isNoisy
  const settings = settingsOf(state, facts)
  const { seed, label, guidance, solver, temperature } = state
  const key = JSON.stringify([model.name, seed, label, guidance, solver, temperature, settings])
  const { value, error, isBusy, again } = useAnswer<Shown>(
    isWanted ? key : undefined,
    async (signal, show) => {
      const shown = (measured: readonly Measured[]): Shown => ({ key, measured })
      return shown(await measure(model, state, settings, signal, (some) => show(shown(some))))
    },
    isTurn,
  )
  const measured = value?.key === key ? value.measured : []
  const chosen = by === 'steps' ? state.steps : (state.tolerance ?? usualTolerance(state.solver))
  const points = (some: readonly Measured[]) =>
    some.map((each): [number, number] => [each.evaluations, each.error])
  return (
    <section class="card errors" aria-busy={isBusy}>
      <h2>Error against evaluations</h2>
      {isNoisy && (
        <p class="faint">
          {state.solver} adds noise: every setting comes to another sample, and none is exact.
        </p>
      )}
      {!isNoisy && state.errors === 0 && (
        <>
          <p class="faint">
            How far this sample is from the exact one when {state.solver} takes fewer evaluations of the
            network, or more.
          </p>
          <button type="button" class="primary" onClick={() => change({ errors: 1 })}>
            Measure
          </button>
        </>
      )}
      <Notice text={error} again={again} />
      {isWanted && error === undefined && (
        <>
          <Chart
            label={`Error of ${state.solver} against evaluations; the table below has the figures.`}
            x="Evaluations of the network"
            y="Error, root mean square"
            logarithmic={{ x: true, y: true }}
            height={320}
            lines={[
              { name: state.solver, colour: 'accent', points: onePerX(points(measured)) },
              {
                name: 'this setting',
                colour: 'ink',
                points: points(measured.filter(({ setting }) => setting === chosen)),
                isMark: true,
              },
            ]}
          />
          <p class="faint" role="status">
            {isBusy
              ? `Measured ${measured.length} of ${settings.length} …`
              : 'The large point is the chosen setting.'}
          </p>
          <Table name={by === 'steps' ? 'Steps' : 'Tolerance'} measured={measured} />
        </>
      )}
    </section>
  )
}

interface Shown {
  readonly key: string
  readonly measured: readonly Measured[]
}

/** A line has one value at a place: the finest setting's. */
const onePerX = (points: readonly [number, number][]): [number, number][] => [...new Map(points)]

function Table({ name, measured }: { name: string; measured: readonly Measured[] }) {
  return (
    <details>
      <summary>As a table</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">{name}</th>
            <th scope="col">Evaluations</th>
            <th scope="col">Error</th>
          </tr>
        </thead>
        <tbody>
          {measured.map(({ setting, evaluations, error }) => (
            <tr key={setting}>
              <td>{setting}</td>
              <td>{evaluations}</td>
              <td>{error.toPrecision(2)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="faint">Error: the root mean square of the differences of the values, -1 to 1.</p>
    </details>
  )
}
