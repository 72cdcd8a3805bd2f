import type { UnetConfig } from '../../nn/config.js'

/** What the tensors of a published DDPM++ or NCSN++ tell of it, by their names and shapes. */
export interface SeenUnet
  extends Pick<
    UnetConfig,
    'channels' | 'nf' | 'chMult' | 'numResBlocks' | 'embedding' | 'resblock' | 'resampWithConv'
  > {
  readonly progressiveInput: UnetConfig['progressiveInput']
  readonly progressiveCombine: 'sum' | 'cat'
  /** Which levels attend, the first at full resolution. */
  readonly attending: readonly number[]
  readonly output: 'field' | 'image'
}

type Shapes = ReadonlyMap<string, readonly number[]>
type Module = ReadonlyMap<string, readonly number[]>

/** A residual block: its channels, and whether BigGAN's resamples. */
interface Block {
  readonly kind: 'block'
  readonly in: number
  readonly out: number
  readonly resamples: boolean
  readonly isDdpm: boolean
}
type Part = Block | { readonly kind: 'attention' | 'resample' | 'skip' | 'residual' | 'nothing' }

/** @throws Error that says what is missing or other than in such networks */
export function unetOf(shapes: Shapes): SeenUnet {
  const modules = modulesOf(shapes)
  const fourier = modules[0]?.get('W')
  const first = fourier ? 1 : 0
  const [embed, , input] = modules.slice(first, first + 3)
  const [outNorm, output] = modules.slice(-2)
  const [nf, channels] = input?.get('weight') ?? []
  const [given] = output?.get('weight') ?? []
  if (nf === undefined || channels === undefined || given === undefined || !outNorm?.has('weight'))
    throw new Error('no convolutions at its two ends')
  const embedded = embed?.get('weight')
  if (embedded?.length !== 2) throw new Error('no layers that its noise is told to')
  const parts = modules.slice(first + 3, -2).map(partOf)
  const bottom = parts.findLastIndex(
    (part) => part.kind === 'block' && part.in === part.out && !part.resamples,
  )
  const up = upOf(parts.slice(bottom + 1), nf)
  const down = parts.slice(0, Math.max(0, bottom - 2))
  const blocks = parts.filter((part) => part.kind === 'block')
  const joins = down.findIndex(({ kind }) => kind === 'skip' || kind === 'residual')
  const isDdpm = blocks.some((block) => block.isDdpm)
  return {
    channels,
    nf,
    ...up,
    embedding: fourier ? 'fourier' : 'positional',
    resblock: isDdpm ? 'ddpm' : 'biggan',
    resampWithConv: !parts.some(({ kind }) => kind === 'nothing'),
    ...joined(down, joins),
    output: outputOf(channels, given),
  }
}

function outputOf(channels: number, given: number): 'field' | 'image' {
  if (given === channels) return 'image'
  if (given === channels + 1) return 'field'
  throw new Error(`${given} channels out, where ${channels} go in`)
}

/** Modules by their numbers: one without tensors is empty. */
function modulesOf(shapes: Shapes): Module[] {
  const modules: Map<string, readonly number[]>[] = []
  for (const [name, shape] of shapes) {
    const [, number, rest] = /^all_modules\.(\d{1,4})\.(.+)$/.exec(name) ?? []
    if (number === undefined || rest === undefined) continue
    while (modules.length <= Number(number)) modules.push(new Map())
    modules[Number(number)]!.set(rest, shape)
  }
  return modules
}

function partOf(module: Module): Part {
  const [out, into, side] = module.get('Conv_0.weight') ?? []
  if (module.size === 0) return { kind: 'nothing' }
  if (module.has('NIN_3.W')) return { kind: 'attention' }
  if (module.has('Dense_0.weight') && out !== undefined && into !== undefined) {
    const isDdpm = module.has('NIN_0.W')
    return { kind: 'block', in: into, out, resamples: into === out && module.has('Conv_2.weight'), isDdpm }
  }
  if (module.has('Conv2d_0.weight')) return { kind: 'residual' }
  if (out !== undefined) return { kind: side === 1 ? 'skip' : 'resample' }
  throw new Error(`a module with ${[...module.keys()][0]}, which such networks do not have`)
}

/** What the way up tells, which has one block more a level than the way down. */
function upOf(
  parts: readonly Part[],
  nf: number,
): { chMult: number[]; numResBlocks: number; attending: number[] } {
  const blocks = parts.filter((part) => part.kind === 'block').filter(({ resamples }) => !resamples)
  const levels = 1 + parts.filter(isResampling).length
  const numResBlocks = blocks.length / levels - 1
  if (!Number.isInteger(numResBlocks) || numResBlocks < 1)
    throw new Error(`${blocks.length} blocks on ${levels} levels up`)
  const chMult: number[] = []
  const attending: number[] = []
  let level = levels - 1
  for (const part of parts) {
    if (part.kind === 'block' && !part.resamples) chMult[level] = part.out / nf
    if (part.kind === 'attention') attending.unshift(level)
    if (isResampling(part)) level--
  }
  return { chMult, numResBlocks, attending }
}

function isResampling(part: Part): boolean {
  return part.kind === 'block' ? part.resamples : part.kind === 'resample' || part.kind === 'nothing'
}

/** How the shrunken input joins in, by the first place where it does. */
function joined(
  down: readonly Part[],
  at: number,
): Pick<SeenUnet, 'progressiveInput' | 'progressiveCombine'> {
  const kind = down[at]?.kind
  if (kind === 'residual') return { progressiveInput: 'residual', progressiveCombine: 'sum' }
  if (kind !== 'skip') return { progressiveInput: 'none', progressiveCombine: 'sum' }
  const before = down.slice(0, at).findLast((part) => part.kind === 'block')
  const after = down.slice(at).find((part) => part.kind === 'block')
  const isCat = before !== undefined && after !== undefined && after.in === 2 * before.out
  return { progressiveInput: 'input_skip', progressiveCombine: isCat ? 'cat' : 'sum' }
}
