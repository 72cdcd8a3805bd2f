import { optionsSchema, parseOptions } from '../arguments/schema.js'
import { expectPath } from '../check.js'
import { CIFAR100_FIELDS, type Cifar100Options, cifar10, cifar100 } from './cifar.js'
import type { AnyDataset } from './dataset.js'
import { digits } from './digits.js'
import { FOLDER_FIELDS, type FolderOptions, folder } from './folder.js'
import { guessFormats, PATH_FORMATS, type PathFormat } from './guess.js'
import { IDX_FIELDS, type IdxOptions, idx } from './idx.js'
import { fashion, type MnistOptions, mnist } from './mnist.js'
import { npy } from './npy.js'
import { NPZ_FIELDS, type NpzOptions, npz } from './npz.js'
import { PACKED_FORMATS, PACKED_NAMES, type PackedName } from './packed/formats.js'
import { packed } from './packed/packed.js'
import { SPLITS, type Split } from './split.js'
import { TOY_FIELDS, TOY_KINDS, type ToyOptions, toy } from './toys.js'

/** The options of every kind of data; those that are `undefined` count as not given. */
type AllOptions = ToyOptions & IdxOptions & Cifar100Options & FolderOptions & NpzOptions
/** The options of every kind of data; which mean something depends on the data. */
export type OpenOptions = { readonly [Name in keyof AllOptions]?: AllOptions[Name] | undefined }

const SCHEMA = optionsSchema<OpenOptions>({
  ...TOY_FIELDS,
  ...IDX_FIELDS,
  ...CIFAR100_FIELDS,
  ...FOLDER_FIELDS,
  ...NPZ_FIELDS,
})

interface Source {
  /** The options that mean something here. */
  readonly takes: readonly (keyof OpenOptions)[]
  readonly open: (options: AllOptions, path: string) => Promise<AnyDataset>
}

/** Options without an effect on what the data is may be given with any data. */
const ALWAYS_TAKEN: readonly (keyof OpenOptions)[] = ['seed', 'onProgress', 'signal']

/** Those of images that are decoded, wherever they come from. */
const TAKEN_BY_IMAGES = ['size', 'channels', 'mirror', 'skipBroken', 'onProgress', 'signal'] as const

const NAMED: ReadonlyMap<string, Source> = new Map<string, Source>([
  ['digits', { takes: [], open: () => digits() }],
  ...inSplits('mnist', mnist),
  ...inSplits('fashion', fashion),
  ...TOY_KINDS.map((kind): [string, Source] => [
    kind,
    { takes: ['count', 'seed'], open: (options) => toy(kind, options) },
  ]),
])

/** `fashion`, which is `fashion:train`, and `fashion:test`. */
function inSplits(name: string, open: (options: MnistOptions) => Promise<AnyDataset>): [string, Source][] {
  const source = (split: Split): Source => ({
    takes: ['mirror'],
    open: ({ mirror }) => open({ split, ...(mirror !== undefined && { mirror }) }),
  })
  return [
    [name, source('train')],
    ...SPLITS.map((split): [string, Source] => [`${name}:${split}`, source(split)]),
  ]
}

const AT_PATH: Readonly<Record<PathFormat, Source>> = {
  idx: { takes: ['labels', 'mirror'], open: (options, path) => idx(path, options) },
  cifar10: { takes: ['split', 'mirror'], open: (options, path) => cifar10(path, options) },
  cifar100: { takes: ['split', 'classes', 'mirror'], open: (options, path) => cifar100(path, options) },
  npy: { takes: ['mirror'], open: (options, path) => npy(path, options) },
  npz: { takes: ['array', 'mirror'], open: (options, path) => npz(path, options) },
  ...(Object.fromEntries(PACKED_NAMES.map((name) => [name, packedSource(name)])) as Record<
    PackedName,
    Source
  >),
  folder: { takes: TAKEN_BY_IMAGES, open: (options, path) => folder(path, options) },
}

function packedSource(name: PackedName): Source {
  return { takes: TAKEN_BY_IMAGES, open: (options, path) => packed(PACKED_FORMATS[name], path, options) }
}

/** A split goes without saying. */
const POSSIBLE = [
  ...[...NAMED.keys()].filter((name) => !name.includes(':')),
  ...PATH_FORMATS.map((format) => `${format}:PATH`),
].join(', ')

/**
 * Opens the data that a line of text names: `digits`, `mnist`, `fashion` (and `fashion:test`), `two-moons`, `eight-gaussians`, `heart`, `idx:PATH`,
 * `cifar10:PATH`, `cifar100:PATH`, `npy:PATH`, `npz:PATH`, `zip:PATH`, `tar:PATH`, `parquet:PATH`, `folder:PATH`, or a path
 * alone, whose format is then recognised. (A path that is called like one of the names is written `./digits`.)
 *
 * @throws RangeError where the text names nothing, the format at the path is not recognised or could be several, or an
 *   option is given that means nothing for this data
 * @throws PfgmError `ERR_PFGM_DATA` where a file is not what it should be
 */
export async function openDataset(spec: string, options: OpenOptions = {}): Promise<AnyDataset> {
  expectPath('dataset', spec)
  const parsed = parseOptions('openDataset', SCHEMA, options)
  parsed.signal?.throwIfAborted()
  const { label, source, path } = await resolve(spec)
  return source.open(takenOptions(label, source, parsed), path)
}

/** The names of the options that mean something for what a line of text names. */
export async function optionsFor(spec: string): Promise<readonly (keyof OpenOptions)[]> {
  return (await resolve(spec)).source.takes
}

async function resolve(spec: string): Promise<{ label: string; source: Source; path: string }> {
  const named = NAMED.get(spec)
  if (named !== undefined) return { label: spec, source: named, path: '' }
  const prefixed = PATH_FORMATS.find((format) => spec.startsWith(`${format}:`))
  const format = prefixed ?? (await recognise(spec))
  const path = prefixed === undefined ? spec : spec.slice(prefixed.length + 1)
  if (path === '') throw new RangeError(`Expected ${spec}PATH but received no path`)
  return { label: format, source: AT_PATH[format], path }
}

async function recognise(path: string): Promise<PathFormat> {
  const formats = await guessFormats(path)
  if (formats.length === 1) return formats[0]!
  const received = JSON.stringify(path)
  if (formats.length === 0) {
    throw new RangeError(
      `Expected dataset to be one of ${POSSIBLE} or a path to such data but received ${received}`,
    )
  }
  const choices = formats.map((format) => `${format}:${path}`).join(' or ')
  throw new RangeError(`Expected dataset to be ${choices} (it could be either) but received ${received}`)
}

/** The options that were given, once it is known that all of them mean something. */
function takenOptions(label: string, { takes }: Source, options: OpenOptions): AllOptions {
  const isTaken = (name: string): boolean => (takes as readonly string[]).includes(name)
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name, value] of given) {
    if (isTaken(name) || (ALWAYS_TAKEN as readonly string[]).includes(name)) continue
    const own = takes.filter((one) => !ALWAYS_TAKEN.includes(one))
    const known = own.length > 0 ? `only ${own.join(', ')}` : 'none'
    throw new RangeError(
      `Expected no option ${name} for ${label} (it takes ${known}) but received ${String(value)}`,
    )
  }
  return Object.fromEntries(given.filter(([name]) => isTaken(name)))
}
