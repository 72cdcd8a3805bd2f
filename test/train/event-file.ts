import { readFileSync } from 'node:fs'

/** A field of a protocol buffer message: numbers as they are, all else as bytes. */
export type Field = readonly [number: number, value: number | bigint | Buffer]

export interface ReadEvent {
  readonly wallTime: number
  readonly step: number
  readonly version?: string
  readonly restarts?: boolean
  readonly scalars: Readonly<Record<string, number>>
  readonly images: readonly { tag: string; height: number; width: number; channels: number; png: Buffer }[]
}

/** Reads what TensorBoard reads, bit by bit and as the formats say: made apart from what writes it. */
export function readEventFile(path: string): ReadEvent[] {
  return records(readFileSync(path)).map(toEvent)
}

/** The data of TFRecords. @throws where a checksum is wrong or a record is cut off */
export function records(file: Buffer): Buffer[] {
  const found: Buffer[] = []
  let rest = file
  while (rest.length > 0) {
    const length = Number(rest.readBigUInt64LE(0))
    const data = rest.subarray(12, 12 + length)
    if (data.length < length) throw new Error('cut off')
    if (unmasked(rest.readUInt32LE(8)) !== crc(rest.subarray(0, 8))) throw new Error('wrong length')
    if (unmasked(rest.readUInt32LE(12 + length)) !== crc(data)) throw new Error('wrong data')
    found.push(data)
    rest = rest.subarray(16 + length)
  }
  return found
}

const WORD = 2n ** 32n

function unmasked(value: number): bigint {
  const turned = (BigInt(value) - 0xa282ead8n + WORD) % WORD
  return ((turned >> 17n) | (turned << 15n)) % WORD
}

/** CRC-32C as a division of polynomials, the highest power first, by 0x11edc6f41. */
export function crc(bytes: Uint8Array): bigint {
  const reversed = (value: bigint, bits: number) =>
    [...Array(bits).keys()].reduce(
      (sum, i) => sum | (((value >> BigInt(i)) & 1n) << BigInt(bits - 1 - i)),
      0n,
    )
  let remainder = WORD - 1n
  for (const byte of bytes) {
    remainder ^= reversed(BigInt(byte), 8) << 24n
    for (let bit = 0; bit < 8; bit++) {
      remainder <<= 1n
      if (remainder >= WORD) remainder ^= 0x11edc6f41n
    }
  }
  return reversed(remainder, 32) ^ (WORD - 1n)
}

function fields(message: Buffer): Field[] {
  const found: Field[] = []
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const bytes = (length: number) => {
    at += length
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const key = Number(varint())
    const [number, type] = [key >> 3, key & 7]
    if (type === 0) found.push([number, varint()])
    else if (type === 1) found.push([number, bytes(8).readDoubleLE()])
    else if (type === 5) found.push([number, bytes(4).readFloatLE()])
    else if (type === 2) found.push([number, bytes(Number(varint()))])
    else throw new Error(`wire type ${type}`)
  }
  return found
}

function toEvent(message: Buffer): ReadEvent {
  const of = new Map(fields(message))
  const values = of.has(5)
    ? fields(of.get(5) as Buffer).map(([, value]) => new Map(fields(value as Buffer)))
    : []
  const tag = (value: Map<number, Field[1]>) => String(value.get(1))
  const images = values.flatMap((value) => {
    if (!value.has(4)) return []
    const image = new Map(fields(value.get(4) as Buffer))
    const [height, width, channels] = [1, 2, 3].map((number) => Number(image.get(number)))
    return [
      { tag: tag(value), height: height!, width: width!, channels: channels!, png: image.get(4) as Buffer },
    ]
  })
  return {
    wallTime: of.get(1) as number,
    step: Number(of.get(2)),
    ...(of.has(3) && { version: String(of.get(3)) }),
    ...(of.has(7) && { restarts: new Map(fields(of.get(7) as Buffer)).get(1) === 1n }),
    scalars: Object.fromEntries(
      values.flatMap((value) => (value.has(2) ? [[tag(value), value.get(2) as number]] : [])),
    ),
    images,
  }
}
