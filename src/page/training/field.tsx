import { useEffect, useRef, useState } from 'preact/hooks'
import type { FieldAnswer, RunSummary } from '../../watch/answers.js'
import { useAnswer } from '../shell/answer.js'
import { Notice } from '../shell/notice.js'
import { ask } from '../shell/service.js'
import { useSeen } from './canvas.js'
import { Falling } from './falling.js'
import { runAddress } from './logs.js'
import { Plane } from './plane.js'
import { count } from './words.js'

/** Milliseconds for which a field is looked at before that of a newer checkpoint is asked for: it is computed anew. */
const SLOW = 15_000
/** The level that is shown first, in all of them: where the data's shape begins to be seen. */
const FIRST_LEVEL = 0.7

/** Whether a run's model has a field that can be drawn: one of points in the plane. */
export const hasField = ({ shape, checkpoint }: RunSummary): boolean =>
  shape.join() === '2' && checkpoint !== undefined

/** The field that runs have learned, one run at a time. */
export function Field({ runs }: { readonly runs: readonly RunSummary[] }) {
  const box = useRef<HTMLElement>(null)
  const isSeen = useSeen(box)
  const [name, setName] = useState<string>()
  const run = runs.find((each) => each.name === name) ?? runs[0]!
  const key = useSlowly(JSON.stringify([run.name, run.id, run.checkpoint]), run.name)
  const wasSeen = useWas(isSeen)
  const { value, error, isBusy, again } = useAnswer(wasSeen ? key : undefined, async (signal) => {
    const field = (await (await ask(runAddress(run.name, 'field'), { signal })).json()) as FieldAnswer
    return { field, run: run.name }
  })
  return (
    <section class="card" aria-labelledby="field" ref={box} aria-busy={isBusy}>
      <div class="head">
        <h2 id="field">The learned field</h2>
        {runs.length > 1 && (
          <label class="inline">
            Of
            <select value={run.name} onChange={({ currentTarget }) => setName(currentTarget.value)}>
              {runs.map((each) => (
                <option key={each.name}>{each.name}</option>
              ))}
            </select>
          </label>
        )}
        <span class="faint">
          {value?.run === run.name ? `step ${count(value.field.step)}` : isBusy ? 'being computed …' : ''}
        </span>
      </div>
      <Notice text={error} again={again} />
      {value?.run === run.name && <Drawn field={value.field} />}
    </section>
  )
}

function Drawn({ field }: { readonly field: FieldAnswer }) {
  const { levels, heightName } = field
  const [place, setPlace] = useState(Math.round(FIRST_LEVEL * (levels.length - 1)))
  const [turn, setTurn] = useState(0.04)
  const [isMoving, setMoving] = useState(() => !matchMedia('(prefers-reduced-motion: reduce)').matches)
  const level = levels[Math.min(place, levels.length - 1)]!
  const says = `${heightName} = ${Number(level.height.toPrecision(3))}`
  return (
    <>
      <div class="field">
        <figure>
          <Falling
            {...{ field, turn, isMoving }}
            height={level.height}
            onTurn={(change) => setTurn((before) => (before + change + 1) % 1)}
          />
          <figcaption>
            From the prior down to the data: <span class="key path">samples</span>
            {field.data.length > 0 && (
              <>
                {' '}
                and <span class="key data">the data</span>
              </>
            )}
          </figcaption>
        </figure>
        <figure>
          <Plane {...{ field, level, isMoving }} />
          <figcaption>
            The way across the plane at {says}, {Number((2 * level.extent).toPrecision(2))} wide, and the
            samples that pass it
          </figcaption>
        </figure>
      </div>
      <div class="controls">
        <label>
          Height, {says}
          <input
            type="range"
            min="0"
            max={levels.length - 1}
            value={place}
            aria-valuetext={says}
            onInput={({ currentTarget }) => setPlace(currentTarget.valueAsNumber)}
          />
        </label>
        <label>
          Turn
          <input
            type="range"
            min="0"
            max="1"
            step="0.01"
            value={turn}
            aria-valuetext={`${Math.round(360 * turn)} degrees`}
            onInput={({ currentTarget }) => setTurn(currentTarget.valueAsNumber)}
          />
        </label>
        <button type="button" aria-pressed={isMoving} onClick={() => setMoving(!isMoving)}>
          {isMoving ? 'Stop' : 'Move'}
        </button>
      </div>
    </>
  )
}

/** Whether it was ever so. */
function useWas(is: boolean): boolean {
  const was = useRef(false)
  was.current ||= is
  return was.current
}

/** A value that changes now and then, but at once where what it is of does. */
function useSlowly(value: string, of: string): string {
  const [shown, setShown] = useState({ value, of, since: performance.now() })
  useEffect(() => {
    if (value === shown.value) return
    const wait = of === shown.of ? Math.max(0, shown.since + SLOW - performance.now()) : 0
    const timer = setTimeout(() => setShown({ value, of, since: performance.now() }), wait)
    return () => clearTimeout(timer)
  }, [value, of, shown])
  return shown.value
}
