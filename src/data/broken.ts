import { PfgmError } from '../errors.js'

/** Images that do not decode, of many. */
export interface BrokenImages {
  readonly count: number
  /** What is wrong with the first of them, in the order of the images. */
  readonly messages: readonly string[]
}

/** Broken images that a message names. */
export const MAX_NAMED = 10

/**
 * The error for broken images.
 * @param total images, whole ones included
 * @param cure what to do about some of many
 */
export function brokenError(broken: BrokenImages, total: number, cure?: string): PfgmError {
  if (total === 1 && broken.messages.length === 1) return new PfgmError('ERR_PFGM_DATA', broken.messages[0]!)
  const advice = cure !== undefined && broken.count < total ? `; ${cure}` : ''
  return new PfgmError(
    'ERR_PFGM_DATA',
    `Expected ${total} images but ${broken.count} of them are broken: ${list(broken)}${advice}`,
  )
}

/** What is said where they were passed over. */
export function brokenNote(broken: BrokenImages, total: number): string {
  return `passed over ${broken.count} of ${total} images, which are broken: ${list(broken)}`
}

function list({ count, messages }: BrokenImages): string {
  const named = messages.slice(0, MAX_NAMED)
  const rest = count - named.length
  return [...named, ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ')
}

interface Sizes {
  readonly width: number
  readonly height: number
}

/** The error for images of different sizes where none was asked for. */
export function sizesDiffer(firstTitle: string, first: Sizes, title: string, image: Sizes): PfgmError {
  return new PfgmError(
    'ERR_PFGM_DATA',
    `Expected images of one size but ${firstTitle} is ${first.width} x ${first.height} and ${title} is ` +
      `${image.width} x ${image.height}; give a size to scale and crop them to (size, --size N or --size WxH)`,
  )
}
