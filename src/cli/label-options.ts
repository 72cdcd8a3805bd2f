import type { Label, PoissonFlow } from '../index.js'
import { UsageError } from './errors.js'
import { NUMBER, NUMBERS, TEXT } from './kinds.js'
import type { Settings } from './options.js'

export const LABEL_OPTION = {
  label: {
    kind: TEXT,
    value: 'class',
    help: 'class by name or number; several (3,8) or all: a row of each',
  },
} as const

export const GUIDANCE_OPTIONS = {
  guidance: {
    kind: NUMBER,
    value: 'w',
    help: 'how far beyond what the label asks for; 1 not at all, 0 without it (default: 1)',
  },
  guidanceInterval: {
    kind: NUMBERS,
    value: 'from,to',
    help: 'heights at which samples are guided (default: all)',
  },
} as const

/** The classes that text names: one or several, or all of a model's. */
export function labelsNamed(flow: PoissonFlow, text: string): Label[] {
  const { classes } = flow.config
  const count = flow.classCount
  if (count === 0) throw new UsageError('Expected no --label: this model was trained without classes')
  if (classes?.includes(text)) return [text]
  if (text === 'all') return Array.from({ length: count }, (_, i) => i)
  return text.split(',').map((name) => {
    if (classes?.includes(name)) return name
    if (/^\d+$/.test(name) && Number(name) < count) return Number(name)
    const known = classes ? `one of ${classes.join(', ')}, or all` : `a number from 0 to ${count - 1}, or all`
    throw new UsageError(`Expected --label to be ${known} but received ${name}`)
  })
}

/** One class for all of some images. */
export function oneLabel(flow: PoissonFlow, { label }: Settings<typeof LABEL_OPTION>): { labels?: Label } {
  if (label === undefined) return {}
  const [first, ...others] = labelsNamed(flow, label)
  if (others.length > 0) throw new UsageError(`Expected --label to be one class here but received ${label}`)
  return { labels: first! }
}
