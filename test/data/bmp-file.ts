interface BmpParts {
  width: number
  height: number
  bits: number
  /** From the top, each without its padding; or all of them at once, where none needs any. */
  rows: Buffer[]
  /** 0xRRGGBB. */
  palette?: number[]
  masks?: number[]
  topDown?: boolean
  /** Bytes between the header and the pixels. */
  gap?: number
}

/** An uncompressed BMP with the header that Windows writes. */
export function bmpBytes({
  width,
  height,
  bits,
  rows,
  palette = [],
  masks = [],
  topDown = false,
  gap = 0,
}: BmpParts): Buffer {
  const padded = rows.map((row) => Buffer.concat([row, Buffer.alloc((4 - (row.length % 4)) % 4)]))
  const pixels = Buffer.concat(topDown ? padded : padded.reverse())
  const tables = Buffer.alloc(4 * (palette.length + masks.length))
  for (const [index, entry] of [...masks, ...palette].entries()) tables.writeUInt32LE(entry, 4 * index)
  const head = Buffer.alloc(54)
  const offset = head.length + tables.length + gap
  head.write('BM')
  head.writeUInt32LE(offset + pixels.length, 2)
  head.writeUInt32LE(offset, 10)
  head.writeUInt32LE(40, 14)
  head.writeInt32LE(width, 18)
  head.writeInt32LE(topDown ? -height : height, 22)
  head.writeUInt16LE(1, 26)
  head.writeUInt16LE(bits, 28)
  head.writeUInt32LE(masks.length > 0 ? 3 : 0, 30)
  head.writeUInt32LE(palette.length, 46)
  return Buffer.concat([head, tables, Buffer.alloc(gap), pixels])
}
