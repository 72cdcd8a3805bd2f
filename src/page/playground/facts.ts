import { ask } from '../shell/service.js'

/** A model that is served. */
export interface Model {
  readonly name: string
  /** Where its samples are, by the fingerprint of its file: relative to the page. */
  readonly samples: string
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly flow: string
  /** Names of its classes, by number; none: it knows none. */
  readonly classes: readonly string[]
}

/** What the service has, and allows. */
export interface Facts {
  readonly models: readonly Model[]
  /** Names of models that do not draw pictures. */
  readonly others: readonly string[]
  /** Most samples of a request. */
  readonly count: number
  /** Most evaluations of a sample. */
  readonly evaluations: number
}

interface ToldModel {
  readonly id: string
  readonly samples: string
  readonly shape: readonly number[]
  readonly flow: string
  readonly classes: number | readonly string[]
}

interface Parameter {
  readonly name: string
  readonly schema: { readonly maximum?: number }
}

/** Asks the service what it has. */
export async function askFacts(signal: AbortSignal): Promise<Facts> {
  const [told, api] = await Promise.all(
    ['v1/models', 'openapi.json'].map(async (path) => (await ask(path, { signal })).json()),
  )
  const all = (told as { data: ToldModel[] }).data
  const parameters: Parameter[] = api.paths['/v1/samples'].get.parameters
  const most = (name: string) => parameters.find((each) => each.name === name)?.schema.maximum ?? 1
  return {
    models: all.filter(isOfPictures).map(modelOf),
    others: all.filter((each) => !isOfPictures(each)).map(({ id }) => id),
    count: most('count'),
    evaluations: most('steps'),
  }
}

const isOfPictures = ({ shape: [channels = 0, ...sides] }: ToldModel): boolean =>
  sides.length === 2 && (channels === 1 || channels === 3)

function modelOf({ id, samples, shape, flow, classes }: ToldModel): Model {
  const [channels, height, width] = shape as [number, number, number]
  const names = typeof classes === 'number' ? Array.from({ length: classes }, (_, i) => String(i)) : classes
  return { name: id, samples: samples.replace(/^\//, ''), channels, height, width, flow, classes: names }
}
