import { address } from '../shell/address.js'
import { type Answer, useAnswer } from '../shell/answer.js'
import { eventsOf } from '../shell/events.js'
import { ask, ServiceError } from '../shell/service.js'
import type { Model } from './facts.js'
import { drawingQuery, type State } from './state.js'

/** A sample on its way. */
export interface Frame {
  /** PNG in base64. */
  readonly image: string
  /** Where its path is. */
  readonly height: number
}

/** A sample as far as it has formed. */
export interface Forming {
  readonly frames: readonly Frame[]
  /** What it came to. */
  readonly done?: {
    readonly image: string
    readonly evaluations: number
    readonly milliseconds: number
    readonly isWhole: boolean
  }
}

interface Done {
  readonly images: readonly string[]
  readonly evaluations: readonly number[]
  readonly status: readonly string[]
  readonly milliseconds: { readonly drawn: number }
}

/** Whether the reader asks that nothing moves by itself. */
export const isStill = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches

/** The sample of a state, step by step. */
export function useForming(model: Model, state: State): Answer<Forming> {
  const query = { model: model.name, seed: state.seed, ...drawingQuery(state), previews: 'all' }
  const path = address('v1/samples/events', query)
  return useAnswer(path, async (signal, show) => {
    let forming: Forming = { frames: [] }
    for await (const { name, data } of eventsOf(await ask(path, { signal }))) {
      if (name === 'done') forming = { ...forming, done: doneOf(data as Done) }
      else if (name === 'preview') forming = { frames: [...forming.frames, data as Frame] }
      if (!isStill()) show(forming)
    }
    if (!forming.done) throw new ServiceError('The service broke off.', 0)
    return forming
  })
}

const doneOf = ({ images, evaluations, status, milliseconds }: Done): Forming['done'] & {} => ({
  image: images[0]!,
  evaluations: evaluations[0]!,
  milliseconds: milliseconds.drawn,
  isWhole: status[0] === 'done',
})
