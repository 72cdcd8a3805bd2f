import type { OnReading } from '../decode-all.js'

/** An image in a file of many. */
export interface PackedImage {
  /** The file and the image's place in it, for messages. */
  readonly title: string
  /** Encoded, or why it cannot be read. */
  readonly bytes: Buffer | Error
}

/** What tells the class of an image: a number, a name, or nothing. */
export type PackedLabel = number | string | undefined

/** Opened files of images. */
export interface PackedSource extends AsyncDisposable {
  readonly count: number
  /** One an image, where these have classes. */
  readonly labels?: readonly PackedLabel[]
  /** The names of the classes that numbers stand for. */
  readonly classes?: readonly string[]
  /** What was passed over or taken for granted. */
  readonly notes: readonly string[]
  /**
   * The images in their order, from one on.
   * @throws PfgmError `ERR_PFGM_DATA` where the files are damaged beyond single images
   */
  images(from: number): AsyncIterable<PackedImage>
}

/** A kind of file that holds many encoded images. */
export interface PackedFormat {
  readonly name: string
  /** How the names of its files end. */
  readonly ending: RegExp
  /** In words: `a zip archive`. */
  readonly title: string
  /** Whether a file's first bytes are those of one. */
  readonly begins: (head: Uint8Array) => boolean
  /** @throws PfgmError `ERR_PFGM_DATA` where a file is damaged, or has no column of images */
  readonly open: (paths: readonly string[], listening: Listening) => Promise<PackedSource>
}

/** Who wants to know how far opening is, and may end it. */
export interface Listening {
  readonly onProgress?: OnReading | undefined
  readonly signal?: AbortSignal | undefined
}

/** The largest encoded image, in bytes. */
export const LARGEST_IMAGE = 2 ** 27
