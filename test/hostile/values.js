// Hostile arguments: those of a call that goes through, changed in up to three places.
import { randomUUID } from 'node:crypto'
import vm from 'node:vm'

/** Numbers in [0, 1), the same ones for a seed (mulberry32). */
export function randomOf(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const pick = (random, list) => list[Math.floor(random() * list.length)]

const cyclic = []
cyclic.push(cyclic)
const circle = {}
circle.circle = circle

function detached() {
  const buffer = new ArrayBuffer(16)
  const array = new Float32Array(buffer)
  structuredClone(buffer, { transfer: [buffer] })
  return array
}

function shortened() {
  const buffer = new ArrayBuffer(16, { maxByteLength: 32 })
  const array = new Float32Array(buffer, 8)
  buffer.resize?.(4)
  return array
}

/** Small sizes, and those that are beyond every bound: what lies between is granted, and takes its time. */
const NUMBERS = [
  ...[
    NaN,
    Infinity,
    -Infinity,
    1e308,
    5e-324,
    0.5,
    2 ** 31,
    2 ** 32,
    2 ** 40,
    2 ** 53,
    2 ** 53 - 1,
    1 - 2 ** 53,
  ],
  ...[-1, -0, 0, 1, 2, 3, 7, 33],
]
const TEXTS = [
  '',
  'nope',
  'digits',
  'cpu',
  'cuda:7',
  'float64',
  'karras',
  'a\0b',
  '\ud800',
  'x'.repeat(300),
  '.',
  '__proto__',
]
const LENGTHS = [0, 1, 2, 5]

/** @param {() => number} random @param {Record<string, object>} fixtures tensors, networks and models, which stay as they are */
export function anything(random, fixtures) {
  return pick(random, [
    () => pick(random, NUMBERS),
    () => pick(random, NUMBERS),
    () => pick(random, TEXTS),
    () => pick(random, TEXTS),
    () => pick(random, Object.values(fixtures)),
    () =>
      pick(random, [undefined, null, true, false, {}, [], 5n, -1n, 2n ** 64n, Symbol('hostile'), () => 1]),
    () => pick(random, [new Date(0), new Map(), /x/, new Error('x'), new Proxy({}, {}), Object.create(null)]),
    () =>
      pick(random, [
        new ArrayBuffer(8),
        new DataView(new ArrayBuffer(8)),
        Buffer.from('text'),
        new Array(2 ** 32 - 1),
      ]),
    () =>
      pick(random, [
        cyclic,
        circle,
        { aborted: false },
        AbortSignal.abort(),
        new EventTarget(),
        Promise.resolve(),
      ]),
    () => pick(random, [detached, shortened])(),
    () => new Float32Array(new SharedArrayBuffer(16)),
    () =>
      vm.runInNewContext(
        pick(random, ['new Float32Array(4)', '({ seed: 1 })', '[1, 2]', 'new Map()', '() => 1']),
      ),
    () => Array.from({ length: pick(random, LENGTHS) }, () => pick(random, NUMBERS)),
    () =>
      new (pick(random, [Float32Array, Float64Array, Uint8Array, Uint8ClampedArray, BigInt64Array]))(
        pick(random, LENGTHS),
      ),
    () => () => new Promise(() => {}),
    () => () => pick(random, [3, 'x', {}, fixtures.integers]),
    () => async () => pick(random, [3, null, {}]),
  ])()
}

/** Changes arguments: values are exchanged, left out or added, however deep. */
export function twisted(random, args, fixtures) {
  const changes = Math.floor(random() * 4)
  let changed = args.map((value) => thinned(random, value))
  for (let i = 0; i < changes; i++) {
    const paths = pathsIn(changed)
    const kind = random()
    if (kind < 0.1) changed = changed.slice(0, Math.floor(random() * (changed.length + 1)))
    else if (kind < 0.2) changed = [...changed, anything(random, fixtures)]
    else if (paths.length > 0) changed = replaced(changed, pick(random, paths), anything(random, fixtures))
  }
  return changed
}

/** Without some of its options, or with one more. */
function thinned(random, value) {
  if (!isPlain(value) || 'out' in value) return value
  const kept = Object.entries(value).filter(([name]) => name === 'signal' || random() < 0.8)
  if (random() < 0.05) kept.push([`x${randomUUID()}`, 1])
  return Object.fromEntries(kept)
}

const isPlain = (value) =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
const isContainer = (value) =>
  isPlain(value) || (Array.isArray(value) && value.length < 100 && value !== cyclic)

function pathsIn(value, depth = 4) {
  if (depth === 0 || !isContainer(value)) return []
  return Object.keys(value).flatMap((key) => [
    [key],
    ...pathsIn(value[key], depth - 1).map((path) => [key, ...path]),
  ])
}

function replaced(container, [key, ...rest], value) {
  const copy = Array.isArray(container) ? [...container] : { ...container }
  copy[key] = rest.length === 0 ? value : replaced(copy[key], rest, value)
  return copy
}
