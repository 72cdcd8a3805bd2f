/**
 * Unpacks Snappy's raw format.
 * @param size that the unpacked bytes have
 * @throws Error where they have another, or the bytes are damaged
 */
export function unsnapped(bytes: Uint8Array, size: number): Buffer {
  const unpacked = Buffer.alloc(size)
  let at = 0
  let to = 0
  /** A number of so many bytes. */
  const take = (width: number): number => {
    if (at + width > bytes.length) throw new Error('packed bytes that are cut short')
    let value = 0
    for (let i = 0; i < width; i++) value += bytes[at++]! * 2 ** (8 * i)
    return value
  }
  const room = (length: number): void => {
    if (length > size - to) throw new Error(`more than the ${size} bytes that were told of`)
  }
  const literal = (length: number): void => {
    room(length)
    if (length > bytes.length - at) throw new Error('packed bytes that are cut short')
    unpacked.set(bytes.subarray(at, at + length), to)
    at += length
    to += length
  }
  /** What was there before, which may overlap what it is copied to: then it repeats. */
  const copy = (length: number, back: number): void => {
    room(length)
    if (back === 0 || back > to) throw new Error('a copy of what was not there yet')
    if (back >= length) unpacked.copyWithin(to, to - back, to - back + length)
    else for (let i = 0; i < length; i++) unpacked[to + i] = unpacked[to - back + i]!
    to += length
  }
  let told = 0
  for (let i = 0, more = true; more; i++) {
    const byte = take(1)
    told += (byte & 127) * 2 ** (7 * i)
    more = byte >= 128 && i < 4
  }
  if (told !== size) throw new Error(`${told} bytes where ${size} were told of`)
  while (at < bytes.length) {
    const tag = take(1)
    const upper = tag >> 2
    switch (tag & 3) {
      case 0:
        literal(1 + (upper < 60 ? upper : take(upper - 59)))
        break
      case 1:
        copy(4 + (upper & 7), take(1) + (tag >> 5) * 256)
        break
      case 2:
        copy(1 + upper, take(2))
        break
      default:
        copy(1 + upper, take(4))
    }
  }
  if (to !== size) throw new Error(`${to} bytes where ${size} were told of`)
  return unpacked
}
