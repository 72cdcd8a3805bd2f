import { address } from '../shell/address.js'
import { useAnswer } from '../shell/answer.js'
import { Notice } from '../shell/notice.js'
import { ask } from '../shell/service.js'
import type { PartProps } from './part.js'
import { Picture } from './picture.js'
import { drawingQuery } from './state.js'

const MOST = 16

/** The samples of seeds beside the one that is chosen. */
export function Seeds({ facts, model, state, change, isTurn }: PartProps) {
  const count = Math.min(MOST, facts.count)
  const first = Math.min(Math.floor(state.seed / count) * count, Number.MAX_SAFE_INTEGER - count)
  const query = { model: model.name, seed: first, count, ...drawingQuery(state), format: 'json' }
  const path = address('v1/samples', query)
  const { value, error, isBusy, again } = useAnswer(
    path,
    async (signal) => ({ path, images: (await (await ask(path, { signal })).json()).images as string[] }),
    isTurn,
  )
  const seeds = Array.from({ length: count }, (_, i) => first + i)
  return (
    <section class="card seeds" aria-busy={isBusy}>
      <h2>
        Seeds {first} to {first + count - 1}
      </h2>
      <Notice text={error} again={again} />
      <div class={value?.path === path ? 'grid' : 'grid old'}>
        {seeds.map((seed, i) => (
          <button
            key={seed}
            type="button"
            aria-label={`Seed ${seed}`}
            aria-pressed={seed === state.seed}
            onClick={() => change({ seed })}
          >
            <Picture png={value?.images[i]} words="" width={model.width} />
          </button>
        ))}
      </div>
      <div class="row">
        <button
          type="button"
          disabled={first === 0}
          onClick={() => change({ seed: Math.max(0, first - count) })}
        >
          Those before
        </button>
        <button
          type="button"
          disabled={first + count > Number.MAX_SAFE_INTEGER}
          onClick={() => change({ seed: first + count })}
        >
          The next
        </button>
      </div>
    </section>
  )
}
