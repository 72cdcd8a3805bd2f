import { useId, useState } from 'preact/hooks'
import { address } from '../shell/address.js'
import { useAnswer } from '../shell/answer.js'
import { Notice } from '../shell/notice.js'
import { ask } from '../shell/service.js'
import type { Model } from './facts.js'
import type { PartProps } from './part.js'
import { dataUrl, Picture } from './picture.js'
import { SeedField } from './seed-field.js'

/** Pictures from one sample to the other, both with them. */
const PICTURES = 17

/** What lies between two samples: they are one plane's, and so is the way from one to the other. */
export function Between({ facts, model, state, change, isTurn }: PartProps) {
  const id = useId()
  const [wanted, setWanted] = useState(state.to)
  const to = state.to ?? wanted ?? Math.min(state.seed + 1, Number.MAX_SAFE_INTEGER)
  const steps = Math.min(PICTURES, facts.count)
  const query = { model: model.name, label: state.label, from: state.seed, to, steps }
  const path = address('v1/interpolate', query)
  const { value, error, isBusy, again } = useAnswer(
    state.to === undefined ? undefined : path,
    async (signal) => ({
      path,
      pictures: await picturesOf(await (await ask(path, { signal })).blob(), model, steps),
    }),
    isTurn,
  )
  const at = Math.round(state.at * (steps - 1))
  const isOld = value !== undefined && value.path !== path
  return (
    <section class="card between" aria-busy={isBusy}>
      <h2>Between two seeds</h2>
      <div class="row">
        <SeedField
          name={`From seed ${state.seed} to`}
          seed={to}
          choose={(seed) => (state.to === undefined ? setWanted(seed) : change({ to: seed }))}
        />
        {state.to === undefined && (
          <button type="button" class="primary" onClick={() => change({ to })}>
            Show the way
          </button>
        )}
      </div>
      <Notice text={error} again={again} />
      {state.to !== undefined && error === undefined && (
        <div class={isOld ? 'old' : ''}>
          <Picture
            png={value?.pictures[at]}
            words={`Picture ${at + 1} of ${steps} between the seeds`}
            width={model.width}
          />
          <label class="unseen" for={id}>
            Between the seeds
          </label>
          <input
            id={id}
            type="range"
            min={0}
            max={steps - 1}
            value={at}
            disabled={value === undefined}
            aria-valuetext={`picture ${at + 1} of ${steps}`}
            onInput={({ currentTarget }) => change({ at: Number(currentTarget.value) / (steps - 1) })}
          />
          <div class="strip" aria-hidden="true">
            {value?.pictures.map((png, i) => (
              <img key={i} class={i === at ? 'pixels here' : 'pixels'} src={dataUrl(png)} alt="" />
            ))}
          </div>
          <p class="faint" role="status">
            {isBusy ? 'The way is followed …' : ''}
          </p>
        </div>
      )}
    </section>
  )
}

/** A strip's pictures, PNG in base64 each; there is a pixel around each of them. */
async function picturesOf(strip: Blob, { width, height }: Model, count: number): Promise<string[]> {
  const whole = await createImageBitmap(strip)
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const context = canvas.getContext('2d')!
  return Array.from({ length: count }, (_, i) => {
    context.drawImage(whole, 1 + i * (width + 1), 1, width, height, 0, 0, width, height)
    return canvas.toDataURL('image/png').replace(/^.*,/, '')
  })
}
