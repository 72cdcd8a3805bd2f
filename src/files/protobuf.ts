/** Protocol buffers: what is written of their wire format (protobuf.dev, "Encoding"), without a schema. */

/** Bytes in pieces, so that large ones are not copied into every message around them. */
export type Pieces = readonly Uint8Array[]

/** Bytes, or a message of fields. */
export function field(number: number, ...parts: readonly (Uint8Array | Pieces)[]): Pieces {
  const pieces = parts.flat() as Uint8Array[]
  return [varint((number << 3) | 2), varint(lengthOf(pieces)), ...pieces]
}

/** Text in UTF-8. */
export function textField(number: number, value: string): Pieces {
  return field(number, Buffer.from(value))
}

export function floatField(number: number, value: number): Pieces {
  const bytes = Buffer.alloc(5)
  bytes[0] = (number << 3) | 5
  bytes.writeFloatLE(value, 1)
  return [bytes]
}

export function doubleField(number: number, value: number): Pieces {
  const bytes = Buffer.alloc(9)
  bytes[0] = (number << 3) | 1
  bytes.writeDoubleLE(value, 1)
  return [bytes]
}

/** @param value a whole number from 0 to 2^53 - 1 */
export function varintField(number: number, value: number): Pieces {
  return [varint(number << 3), varint(value)]
}

export function lengthOf(pieces: Pieces): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}

/** Seven bits a byte, the lowest first; a byte that is not the last has its highest bit set. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return Buffer.from([...bytes, rest])
}
