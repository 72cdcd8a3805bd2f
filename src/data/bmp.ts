/** Pixels of a BMP, as sharp takes them. */
export interface Bitmap {
  readonly width: number
  readonly height: number
  /** Interleaved red, green and blue, from the upper left on. */
  readonly data: Buffer
}

interface Header {
  readonly width: number
  readonly height: number
  readonly topDown: boolean
  readonly bits: number
  /** Where the pixels begin. */
  readonly pixels: number
  readonly palette: { readonly begin: number; readonly entryBytes: number; readonly length: number }
  /** The bits of a pixel that are red, green and blue, where it has 16 or 32. */
  readonly masks: readonly number[]
}

const FILE_HEADER = 14
/** The oldest header, with sizes of 16 bits; all later ones are longer. */
const CORE_HEADER = 12
const RGB = 0
const BIT_FIELDS = 3
const ALPHA_BIT_FIELDS = 6
const DEFAULT_MASKS: ReadonlyMap<number, readonly number[]> = new Map([
  [16, [0x7c00, 0x03e0, 0x001f]],
  [32, [0xff0000, 0x00ff00, 0x0000ff]],
])

/** Whether the bytes begin like a BMP. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d
}

/**
 * Reads an uncompressed BMP of 1, 4, 8, 16, 24 or 32 bits a pixel; what it says about transparency is left out.
 * @throws Error where it is cut short, larger, or of another kind
 */
export function readBmp(bytes: Buffer, mostPixels = 2 ** 28): Bitmap {
  const header = readHeader(bytes, mostPixels)
  const { width, height, bits, topDown } = header
  const stride = Math.ceil((width * bits) / 32) * 4
  const end = header.pixels + stride * (height - 1) + Math.ceil((width * bits) / 8)
  if (bytes.length < end) throw new Error(`BMP of ${end} bytes, cut short at ${bytes.length}`)
  const data = Buffer.allocUnsafe(width * height * 3)
  const put = putPixel(bytes, header, data)
  for (let y = 0; y < height; y++) {
    const row = header.pixels + stride * (topDown ? y : height - 1 - y)
    for (let x = 0; x < width; x++) put(row, x, (y * width + x) * 3)
  }
  return { width, height, data }
}

function readHeader(bytes: Buffer, mostPixels: number): Header {
  if (bytes.length < FILE_HEADER + CORE_HEADER) throw new Error('BMP without a header')
  const pixels = bytes.readUInt32LE(10)
  const length = bytes.readUInt32LE(FILE_HEADER)
  const core = length === CORE_HEADER
  if (bytes.length < FILE_HEADER + length || (!core && length < 40)) throw new Error('BMP without a header')
  const width = core ? bytes.readUInt16LE(18) : bytes.readInt32LE(18)
  const rows = core ? bytes.readUInt16LE(20) : bytes.readInt32LE(22)
  const height = Math.abs(rows)
  if (width < 1 || height < 1 || width * height > mostPixels)
    throw new Error(`BMP of ${width} x ${rows} pixels`)
  const bits = bytes.readUInt16LE(core ? 24 : 28)
  if (![1, 4, 8, 16, 24, 32].includes(bits)) throw new Error(`BMP of ${bits} bits a pixel`)
  const compression = core ? RGB : bytes.readUInt32LE(30)
  const fields = compression === BIT_FIELDS || compression === ALPHA_BIT_FIELDS
  if (compression !== RGB && !fields) throw new Error('compressed BMP; save it uncompressed, or as PNG')
  const palette = {
    begin: FILE_HEADER + length,
    entryBytes: core ? 3 : 4,
    length: (core ? 0 : bytes.readUInt32LE(46)) || 2 ** bits,
  }
  if (bits <= 8 && palette.begin + palette.length * palette.entryBytes > bytes.length) {
    throw new Error('BMP whose palette is cut short')
  }
  const masks = fields ? readMasks(bytes) : (DEFAULT_MASKS.get(bits) ?? [])
  return { width, height, topDown: rows < 0, bits, pixels, palette, masks }
}

/** They follow the header of 40 bytes, and are part of the longer ones. */
function readMasks(bytes: Buffer): number[] {
  const begin = FILE_HEADER + 40
  if (bytes.length < begin + 12) throw new Error('BMP without a header')
  return [0, 4, 8].map((offset) => bytes.readUInt32LE(begin + offset))
}

/** What copies pixel `x` of the row that begins at `row` to `data[to]` and the two values after it. */
function putPixel(
  bytes: Buffer,
  { bits, palette, masks }: Header,
  data: Buffer,
): (row: number, x: number, to: number) => void {
  const copyReversed = (from: number, to: number): void => {
    data[to] = bytes[from + 2]!
    data[to + 1] = bytes[from + 1]!
    data[to + 2] = bytes[from]!
  }
  if (bits === 24) return (row, x, to) => copyReversed(row + 3 * x, to)
  if (bits > 8) {
    const fields = masks.map(fieldReader)
    return (row, x, to) => {
      const from = row + (bits / 8) * x
      const pixel = bits === 16 ? bytes.readUInt16LE(from) : bytes.readUInt32LE(from)
      for (let channel = 0; channel < 3; channel++) data[to + channel] = fields[channel]!(pixel)
    }
  }
  return (row, x, to) => {
    const bit = x * bits
    const index = (bytes[row + (bit >> 3)]! >> (8 - bits - (bit & 7))) & (2 ** bits - 1)
    if (index >= palette.length) throw new Error(`BMP with a pixel of colour ${index} of ${palette.length}`)
    copyReversed(palette.begin + index * palette.entryBytes, to)
  }
}

/** Takes the bits under a mask out of a pixel and scales them to 0 to 255. */
function fieldReader(mask: number): (pixel: number) => number {
  if (mask === 0) return () => 0
  const shift = 31 - Math.clz32(mask & -mask)
  const largest = mask >>> shift
  return (pixel) => Math.round((((pixel & mask) >>> shift) * 255) / largest)
}
