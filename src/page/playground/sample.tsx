import { useEffect, useId, useState } from 'preact/hooks'
import { address } from '../shell/address.js'
import type { Answer } from '../shell/answer.js'
import { Notice } from '../shell/notice.js'
import type { Model } from './facts.js'
import { type Forming, isStill } from './forming.js'
import { dataUrl, Picture } from './picture.js'
import { drawingQuery, type State } from './state.js'

/** Milliseconds a step when it is played once more. */
const A_STEP = 120

interface SampleProps {
  readonly model: Model
  readonly state: State
  readonly answer: Answer<Forming>
}

/** The sample while it forms, and every step of that to go back to. */
export function Sample({ model, state, answer }: SampleProps) {
  const { value, error, isBusy, again } = answer
  const shown = value ?? { frames: [] }
  const { at, isPlaying, move, play } = useSteps(shown, isBusy)
  const frame = shown.frames[at]
  const png = frame?.image ?? shown.done?.image
  const words = `Sample of seed ${state.seed}${ofClass(model, state)}${frame ? `, at step ${at + 1}` : ''}`
  return (
    <section class="card sample" aria-busy={isBusy}>
      <h2 class="unseen">Sample</h2>
      <Notice text={error} again={again} />
      {error === undefined && <Picture png={png} words={words} width={model.width} />}
      <Scrubber {...{ shown, at, isPlaying, move, play }} />
      <p class="faint figures" role="status">
        {inWords(shown, isBusy)}
      </p>
      <Links {...{ model, state }} png={shown.done?.image} />
    </section>
  )
}

export const ofClass = ({ classes }: Model, { label }: State): string =>
  label === undefined ? '' : `, class ${classes[label] ?? label}`

/** Which step is shown: the newest, unless the reader went back. */
function useSteps({ frames, done }: Forming, isBusy: boolean) {
  const [chosen, setChosen] = useState<number | undefined>()
  const [isPlaying, setPlaying] = useState(false)
  const last = done ? frames.length : frames.length - 1
  useEffect(() => {
    if (isBusy) {
      setChosen(undefined)
      setPlaying(false)
    }
  }, [isBusy])
  useEffect(() => {
    if (!isPlaying) return
    const timer = setTimeout(() => {
      const next = (chosen ?? last) + 1
      setChosen(next >= last ? undefined : next)
      if (next >= last) setPlaying(false)
    }, A_STEP)
    return () => clearTimeout(timer)
  }, [isPlaying, chosen, last])
  const move = (at: number) => {
    setPlaying(false)
    setChosen(at >= last ? undefined : at)
  }
  const play = () => {
    setChosen(0)
    setPlaying(!isPlaying)
  }
  return { at: chosen ?? last, isPlaying, move, play }
}

function Scrubber({ shown: { frames, done }, ...steps }: { shown: Forming } & ReturnType<typeof useSteps>) {
  const { at, isPlaying, move, play } = steps
  const id = useId()
  const last = done ? frames.length : Math.max(0, frames.length - 1)
  const height = frames[at]?.height
  const words = height === undefined ? (done ? 'the sample' : 'at its start') : `height ${inFew(height)}`
  return (
    <div class="scrubber">
      {!isStill() && (
        <button type="button" class="round" disabled={!done} onClick={play}>
          <span aria-hidden="true">{isPlaying ? '❚❚' : '▶\uFE0E'}</span>
          <span class="unseen">{isPlaying ? 'Stop' : 'Play how it forms'}</span>
        </button>
      )}
      <div class="setting">
        <div class="named">
          <label for={id}>Step</label>
          <output for={id}>{words}</output>
        </div>
        <input
          id={id}
          type="range"
          min={0}
          max={Math.max(1, last)}
          value={Math.max(at, 0)}
          disabled={last === 0}
          aria-valuetext={`${at + 1} of ${last + 1}, ${words}`}
          onInput={({ currentTarget }) => move(Number(currentTarget.value))}
        />
      </div>
    </div>
  )
}

const inFew = (value: number): string => String(Number(value.toPrecision(2)))

function inWords({ done }: Forming, isBusy: boolean): string {
  if (isBusy) return 'It forms …'
  if (!done) return ''
  const time =
    done.milliseconds < 1000 ? `${Math.round(done.milliseconds)} ms` : `${inFew(done.milliseconds / 1000)} s`
  const end = done.isWhole ? '' : '; it stopped at the most evaluations that the service allows'
  return `${done.evaluations} evaluations of the network, ${time}${end}`
}

/** The picture's address, which always shows the same, and the picture as a file. */
function Links({ model, state, png }: Pick<SampleProps, 'model' | 'state'> & { png: string | undefined }) {
  const id = useId()
  const [copied, setCopied] = useState('')
  const query = { seed: state.seed, ...drawingQuery(state), zoom: Math.max(1, Math.floor(256 / model.width)) }
  const url = new URL(address(model.samples, query), document.baseURI).href
  const copy = async () => {
    const field = document.getElementById(id) as HTMLInputElement
    field.select()
    // Only pages of a safe origin have a clipboard.
    const isCopied = await navigator.clipboard?.writeText(url).then(
      () => true,
      () => false,
    )
    setCopied(isCopied ? url : '')
  }
  return (
    <div class="links">
      <label class="unseen" for={id}>
        Address of the picture
      </label>
      <input
        id={id}
        type="text"
        readOnly
        value={url}
        onFocus={({ currentTarget }) => currentTarget.select()}
      />
      <button type="button" onClick={copy}>
        {copied === url ? 'Copied' : 'Copy address'}
      </button>
      <a
        class="button"
        role={png ? undefined : 'link'}
        aria-disabled={png === undefined}
        download={`${model.name}-${state.seed}.png`}
        {...(png && { href: dataUrl(png) })}
      >
        Download
      </a>
    </div>
  )
}
