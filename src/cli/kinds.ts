import { z } from 'zod'
import type { Device, GivenFlow } from '../index.js'
import { type NetworkConfig, networkConfigSchema } from '../nn/config.js'

/** What an option's value may be, whether it comes as text after a flag or as JSON from a config file. */
export interface Kind<T> {
  /** In words, for the message about another value. */
  readonly expected: string
  readonly schema: z.ZodType<T>
  /** The JSON value that a flag's text stands for; the schema then judges it. */
  readonly fromText: (text: string) => unknown
}

export type Kinds = Readonly<Record<string, Kind<unknown>>>

const NUMBER_PATTERN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

function kind<T>(expected: string, schema: z.ZodType<T>, fromText: Kind<T>['fromText']): Kind<T> {
  return { expected, schema, fromText }
}

/** Text that is not all a number stays text, which no schema of numbers takes. */
function toNumber(text: string): unknown {
  return NUMBER_PATTERN.test(text) ? Number(text) : text
}

/** Of a setting: a number, true or false, or text. */
function toValue(text: string): unknown {
  return text === 'true' || text === 'false' ? text === 'true' : toNumber(text)
}

const toNumbers = (text: string): unknown => text.split(',').map(toNumber)

const asItIs = (text: string): unknown => text

export const INTEGER = kind('a whole number', z.number().int(), toNumber)
export const POSITIVE = kind('a whole number of at least 1', z.number().int().positive(), toNumber)
export const NUMBER = kind('a number', z.number(), toNumber)
export const TEXT = kind('text', z.string().min(1), asItIs)
/** A switch that may also say auto. */
export const SWITCH_OR_AUTO = kind<boolean | 'auto'>(
  'auto or nothing (the data is named before it)',
  z.union([z.boolean(), z.literal('auto')]),
  asItIs,
)
const port = z.number().int().min(0).max(65_535)
export const PORT = kind('a port, 0 to 65535', port, toNumber)
/** A switch that may also say which port. */
export const SWITCH_OR_PORT = kind<boolean | number>(
  'a port, 0 to 65535, or nothing (the data is named before it)',
  z.union([z.boolean(), port]),
  toNumber,
)
/** Two numbers, with a comma between. */
export const NUMBERS = kind<[number, number]>(
  'two numbers, as in 0.2,5',
  z.tuple([z.number(), z.number()]),
  toNumbers,
)
/** Numbers, with commas between. */
export const NUMBER_LIST = kind<number[]>('numbers, as in 0.999,0.9999', z.array(z.number()), toNumbers)
/** The size of pictures: a side of square ones, or width x height; as the library takes it, with the height first. */
export const PICTURE_SIZE = kind<number | [height: number, width: number]>(
  'a whole number, or width x height as in 64x48',
  z.union([z.number().int(), z.tuple([z.number().int(), z.number().int()])]),
  (text) => (/^\d+x\d+$/.test(text) ? text.split('x').map(Number).reverse() : toNumber(text)),
)
const UNITS: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }

/** Bytes: a number of them, or of units as `words.ts` writes them. */
export const BYTES = kind<number>('a size, as in 500MB or 2GB', z.number().min(1), (text) => {
  const [, amount, unit] = /^(.+?)\s*([KMGT]B)$/i.exec(text) ?? [text, text]
  const value = toNumber(amount!)
  return typeof value === 'number' ? value * (UNITS[unit?.toUpperCase() ?? ''] ?? 1) : text
})
/** A switch that may also name a file. */
export const SWITCH_OR_FILE = kind<boolean | string>(
  'a file or nothing',
  z.union([z.boolean(), z.string().min(1)]),
  asItIs,
)
/** A share, or the name of data. */
export const SHARE_OR_DATA = kind<number | string>(
  'a share or the name of data',
  z.union([z.number(), z.string().min(1)]),
  toNumber,
)
export const SWITCH = kind('true or false', z.boolean(), asItIs)

/** JSON numbers end at 2^53; larger seeds are written as text. */
export const SEED = kind<bigint>(
  'a whole number from 0 to 2^64 - 1',
  z
    .union([z.number().int().nonnegative(), z.string().regex(/^\d+$/)])
    .transform(BigInt)
    .refine((seed) => seed < 2n ** 64n),
  asItIs,
)

const DEVICE_NAME = /^(auto|cpu|cuda(:\d+)?)$/

export const DEVICE = kind<Device>(
  'auto, cpu, cuda or cuda:N',
  z
    .custom<Device>((value) => typeof value === 'string' && DEVICE_NAME.test(value))
    .meta({ type: 'string', pattern: DEVICE_NAME.source }), // as JSON Schema
  asItIs,
)

export function oneOf<const T extends string | number>(choices: readonly T[]): Kind<T> {
  const isNumber = typeof choices[0] === 'number'
  return kind<T>(`one of ${choices.join(', ')}`, z.literal([...choices]), isNumber ? toNumber : asItIs)
}

const notAFlag = (): never => {
  throw new Error('only a config file can hold this')
}

export const NETWORK = kind<NetworkConfig>('a network', networkConfigSchema, notAFlag)
/** Its kind, and settings behind commas; whether they are right is for the library to say. */
export const FLOW = kind<GivenFlow>(
  'a kind of flow',
  z.custom<GivenFlow>((value) => typeof value === 'object' && value !== null && !Array.isArray(value)),
  (text) => {
    const [name, ...settings] = text.split(',')
    const entries = settings.map((setting) => {
      const [key = '', ...value] = setting.split('=')
      return [key, toValue(value.join('='))]
    })
    return { kind: name, ...Object.fromEntries(entries) }
  },
)
