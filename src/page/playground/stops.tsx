import { useId } from 'preact/hooks'

/** A slider over given values; one that is none of them stays until the slider is moved. */
export function Stops({
  name,
  values,
  value,
  choose,
  words = String,
}: {
  name: string
  values: readonly number[]
  value: number
  choose: (value: number) => void
  words?: (value: number) => string
}) {
  const id = useId()
  return (
    <div class="setting">
      <div class="named">
        <label for={id}>{name}</label>
        <output for={id}>{words(value)}</output>
      </div>
      <input
        id={id}
        type="range"
        min={0}
        max={values.length - 1}
        value={nearest(values, value)}
        aria-valuetext={words(value)}
        onInput={({ currentTarget }) => choose(values[Number(currentTarget.value)]!)}
      />
    </div>
  )
}

function nearest(values: readonly number[], value: number): number {
  const far = values.map((each) => Math.abs(each - value))
  return far.indexOf(Math.min(...far))
}
