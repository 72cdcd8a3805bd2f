import { useState } from 'preact/hooks'
import type { RunSummary } from '../../watch/answers.js'
import { address } from '../shell/address.js'
import { colourOf } from './colours.js'
import { runAddress } from './logs.js'
import { count } from './words.js'

/** A picture of a run's samples. */
interface Picture {
  readonly step: number
  readonly source: string
}

/** Pictures of samples that runs drew on their way, at a step that is the same for all. */
export function Samples({ runs }: { readonly runs: readonly RunSummary[] }) {
  const [wanted, setWanted] = useState<number>()
  const pictures = runs.map((run) => ({ run, own: picturesOf(run) }))
  const steps = [...new Set(pictures.flatMap(({ own }) => own.map(({ step }) => step)))].sort((a, b) => a - b)
  const newest = steps.length - 1
  const found = wanted === undefined ? newest : steps.findLastIndex((step) => step <= wanted)
  const place = Math.max(0, found)
  const step = steps[place]
  return (
    <section class="card" aria-labelledby="samples">
      <div class="head">
        <h2 id="samples">Samples on the way</h2>
        {step !== undefined && <span class="faint">step {count(step)}</span>}
      </div>
      {step === undefined ? (
        <p class="faint">
          No pictures yet: train draws one every so many steps (--sample-every), and one at the end.
        </p>
      ) : (
        <>
          {steps.length > 1 && (
            <input
              type="range"
              aria-label="Step of the pictures"
              aria-valuetext={`step ${count(step)}`}
              min="0"
              max={newest}
              value={place}
              onInput={({ currentTarget }) => {
                const chosen = currentTarget.valueAsNumber
                // At the end it stays with the newest.
                setWanted(chosen === newest ? undefined : steps[chosen])
              }}
            />
          )}
          <div class="pictures">
            {pictures.map(({ run, own }) => (
              <RunPicture key={run.name} run={run} picture={own.findLast((each) => each.step <= step)} />
            ))}
          </div>
        </>
      )}
    </section>
  )
}

function RunPicture({ run, picture }: { readonly run: RunSummary; readonly picture: Picture | undefined }) {
  return (
    <figure>
      {picture ? (
        <img src={picture.source} alt={`Samples of ${run.name} at step ${count(picture.step)}`} />
      ) : (
        <p class="faint empty">None so early</p>
      )}
      <figcaption>
        <span class={`dot ${colourOf(run.name)}`} /> <span class="name">{run.name}</span>
        {picture && <span class="faint">step {count(picture.step)}</span>}
      </figcaption>
    </figure>
  )
}

function picturesOf({ name, id, pictures, state, step: last, finalPicture }: RunSummary): Picture[] {
  // A run of the same name is another run, with other pictures.
  const own = pictures.map((step) => ({
    step,
    source: address(runAddress(name, `pictures/${step}`), { of: id }),
  }))
  if (state !== 'ended' || finalPicture === undefined) return own
  const source = address(runAddress(name, 'pictures/final'), { of: finalPicture })
  return [...own.filter(({ step }) => step < last), { step: last, source }]
}
