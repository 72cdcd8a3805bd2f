import { PickledObject } from '../../files/pickle.js'
import { StoredTensor } from '../../files/stored-tensor.js'

/** More levels than EDM's networks nest their modules in. */
const DEEPEST = 20

/** Fields of an object that was pickled with its class, and those that its class was called with, which go before. */
export class Fields {
  readonly #state: Map<unknown, unknown>
  readonly #called: Map<unknown, unknown>

  constructor(object: PickledObject) {
    this.#state = object.state instanceof Map ? object.state : new Map()
    const called: unknown = this.#state.get('_init_kwargs')
    this.#called = called instanceof Map ? called : new Map()
  }

  /** A module that is a field; undefined where there is none. */
  module(name: string): PickledObject | undefined {
    const modules: unknown = this.#state.get('_modules')
    const module: unknown = modules instanceof Map ? modules.get(name) : undefined
    return module instanceof PickledObject ? module : undefined
  }

  /** What a class was called with, or the field of that name, or what it is where neither is there. */
  get(name: string, otherwise?: unknown): unknown {
    return this.#called.get(name) ?? this.#state.get(name) ?? otherwise
  }
}

/**
 * All tensors of a module and of those within, by their names.
 * @throws Error where modules are nested too deep, or one is in two places
 */
export function* tensorsOf(
  module: PickledObject,
  prefix = '',
  seen = new Set<PickledObject>(),
  depth = 0,
): Generator<[name: string, tensor: StoredTensor]> {
  if (seen.has(module)) throw new Error(`${prefix.slice(0, 100)} in a second place`)
  seen.add(module)
  if (depth > DEEPEST) throw new Error(`modules that are nested more than ${DEEPEST} deep`)
  const state = module.state instanceof Map ? module.state : new Map<unknown, unknown>()
  for (const field of ['_parameters', '_buffers']) {
    for (const [name, tensor] of named(state.get(field)))
      if (tensor instanceof StoredTensor) yield [prefix + name, tensor]
  }
  for (const [name, inner] of named(state.get('_modules')))
    if (inner instanceof PickledObject) yield* tensorsOf(inner, `${prefix}${name}.`, seen, depth + 1)
}

function named(map: unknown): [name: string, value: unknown][] {
  if (!(map instanceof Map)) return []
  return [...map].filter((entry): entry is [string, unknown] => typeof entry[0] === 'string')
}
