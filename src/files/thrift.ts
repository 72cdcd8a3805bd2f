/** A value in Thrift's compact protocol. */
export type ThriftValue = boolean | number | Uint8Array | ThriftValue[] | ThriftStruct
/** Fields by their numbers. */
export type ThriftStruct = Map<number, ThriftValue>

/** Kinds of fields. */
const [STOP, TRUE, FALSE, BYTE, INT16, INT32, INT64, DOUBLE, BINARY, LIST] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
const SET = 10
const STRUCT = 12

/** Nesting that no footer or page has. */
const DEEPEST = 24
/** Fields and items of lists that no footer has: of a byte each they take some hundred of memory. */
const MOST_VALUES = 2 ** 20

/**
 * Reads a structure in Thrift's compact protocol. Lists are as long as their bytes allow, numbers of 64 bits at most, and
 * exact up to 2^53.
 *
 * @returns it, and where it ends
 * @throws Error where it is none, does not end within the bytes, or has more values than are read
 */
export function readThrift(bytes: Uint8Array, start: number): { value: ThriftStruct; end: number } {
  let at = start
  let left = MOST_VALUES
  const spend = (count: number): void => {
    left -= count
    if (left < 0) throw new Error(`more than ${MOST_VALUES} fields and items of lists`)
  }
  const byte = (): number => {
    if (at >= bytes.length) throw new Error('a structure without an end')
    return bytes[at++]!
  }
  const unsigned = (): number => {
    let value = 0
    for (let i = 0; i < 10; i++) {
      const next = byte()
      value += (next & 127) * 2 ** (7 * i)
      if (next < 128) return value
    }
    throw new Error('a number of more than 64 bits')
  }
  /** Numbers near zero of either sign are short: 0, -1, 1, -2, … */
  const signed = (): number => {
    const value = unsigned()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at)
      throw new Error(`a text of ${count} bytes, where ${bytes.length - at} are left`)
    at += count
    return bytes.subarray(at - count, at)
  }
  const list = (depth: number): ThriftValue[] => {
    const head = byte()
    const kind = head & 15
    const count = head >> 4 === 15 ? unsigned() : head >> 4
    if (count > bytes.length - at) throw new Error(`a list of ${count} in ${bytes.length - at} bytes`)
    spend(count)
    return Array.from({ length: count }, () =>
      kind === TRUE || kind === FALSE ? byte() === TRUE : element(kind, depth),
    )
  }
  const element = (kind: number, depth: number): ThriftValue => {
    if (depth > DEEPEST) throw new Error('structures in each other without an end')
    switch (kind) {
      case TRUE:
        return true
      case FALSE:
        return false
      case BYTE:
        return byte()
      case INT16:
      case INT32:
      case INT64:
        return signed()
      case DOUBLE:
        return take(8)
      case BINARY:
        return take(unsigned())
      case LIST:
      case SET:
        return list(depth + 1)
      case STRUCT:
        return struct(depth + 1)
      default:
        throw new Error(`a field of kind ${kind}`)
    }
  }
  const struct = (depth: number): ThriftStruct => {
    const fields: ThriftStruct = new Map()
    let field = 0
    for (;;) {
      const head = byte()
      const kind = head & 15
      if (kind === STOP) return fields
      spend(1)
      field = head >> 4 === 0 ? signed() : field + (head >> 4)
      fields.set(field, element(kind, depth))
    }
  }
  return { value: struct(0), end: at }
}
