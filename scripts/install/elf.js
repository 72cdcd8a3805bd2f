// The few facts about a Linux binary that tell why it does not load.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** @type {Record<number, string>} */
const MACHINES = { 3: 'ia32', 40: 'arm', 62: 'x64', 183: 'arm64', 243: 'riscv64' }

const PT_INTERP = 3
const SHT_DYNAMIC = 6
const SHT_GNU_VERNEED = 0x6ffffffe
const DT_NEEDED = 1

/**
 * @typedef {object} Elf
 * @property {string} arch as in process.arch
 * @property {boolean} complete whether the file reaches to the end that its header states
 * @property {string} [interpreter] the loader that an executable asks for
 */

/**
 * @param {string} file
 * @returns {Elf | undefined} undefined where the file is missing or no 64-bit little-endian ELF file
 */
export function readElf(file) {
  return reading(file, (handle, header) => {
    const sections = Number(header.readBigUInt64LE(40))
    const sectionsEnd = sections + header.readUInt16LE(58) * header.readUInt16LE(60)
    const machine = header.readUInt16LE(18)
    /** @type {Elf} */
    const elf = {
      arch: MACHINES[machine] ?? `machine ${machine}`,
      complete: fstatSync(handle).size >= sectionsEnd,
    }
    const interpreter = readInterpreter(handle, header)
    if (interpreter !== undefined) elf.interpreter = interpreter
    return elf
  })
}

/**
 * @typedef {object} Needs
 * @property {string[]} libraries by their names
 * @property {string[]} versions of symbols, such as GLIBC_2.34
 */

/**
 * What a library asks of others on being loaded.
 * @param {string} file
 * @returns {Needs | undefined} undefined as above
 */
export function readNeeds(file) {
  return reading(file, (handle, header) => {
    const sections = readSections(handle, header)
    return {
      libraries: sections.filter(({ type }) => type === SHT_DYNAMIC).flatMap((each) => neededLibraries(each)),
      versions: sections
        .filter(({ type }) => type === SHT_GNU_VERNEED)
        .flatMap((each) => neededVersions(each)),
    }
  })
}

/**
 * @template T
 * @param {string} file
 * @param {(handle: number, header: Buffer) => T} read
 * @returns {T | undefined}
 */
function reading(file, read) {
  let handle
  try {
    handle = openSync(file, 'r')
    const header = readAt(handle, 0, 64)
    if (header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1) return undefined
    return read(handle, header)
  } catch {
    return undefined
  } finally {
    if (handle !== undefined) closeSync(handle)
  }
}

/**
 * @param {number} handle
 * @param {Buffer} header
 */
function readInterpreter(handle, header) {
  const table = Number(header.readBigUInt64LE(32))
  const size = header.readUInt16LE(54)
  for (let index = 0; index < header.readUInt16LE(56); index++) {
    const entry = readAt(handle, table + index * size, 56)
    if (entry.readUInt32LE(0) !== PT_INTERP) continue
    const text = readAt(handle, Number(entry.readBigUInt64LE(8)), Number(entry.readBigUInt64LE(32)))
    return textAt(text, 0)
  }
  return undefined
}

/** @typedef {{ type: number, bytes: Buffer, strings: Buffer }} Section */

/**
 * Sections that name libraries, each with the strings that it refers to.
 * @param {number} handle
 * @param {Buffer} header
 * @returns {Section[]}
 */
function readSections(handle, header) {
  const [table, size, count] = [
    Number(header.readBigUInt64LE(40)),
    header.readUInt16LE(58),
    header.readUInt16LE(60),
  ]
  const heads = Array.from({ length: count }, (_, i) => readAt(handle, table + i * size, 64))
  /** @param {Buffer | undefined} head */
  const bytes = (head) =>
    head
      ? readAt(handle, Number(head.readBigUInt64LE(24)), Number(head.readBigUInt64LE(32)))
      : Buffer.alloc(0)
  return heads
    .filter((head) => [SHT_DYNAMIC, SHT_GNU_VERNEED].includes(head.readUInt32LE(4)))
    .map((head) => ({
      type: head.readUInt32LE(4),
      bytes: bytes(head),
      strings: bytes(heads[head.readUInt32LE(40)]),
    }))
}

/** @param {Section} section */
function neededLibraries({ bytes, strings }) {
  const names = []
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    if (bytes.readBigInt64LE(at) === BigInt(DT_NEEDED))
      names.push(textAt(strings, Number(bytes.readBigUInt64LE(at + 8))))
  }
  return names
}

/** @param {Section} section */
function neededVersions({ bytes, strings }) {
  const names = []
  for (let library = 0, next = -1; next !== 0; library += next) {
    next = bytes.readUInt32LE(library + 12)
    let version = library + bytes.readUInt32LE(library + 8)
    for (let left = bytes.readUInt16LE(library + 2); left > 0; left--) {
      names.push(textAt(strings, bytes.readUInt32LE(version + 8)))
      version += bytes.readUInt32LE(version + 12)
    }
  }
  return names
}

/**
 * @param {Buffer} bytes
 * @param {number} start
 */
function textAt(bytes, start) {
  return bytes.toString('latin1', start, Math.max(start, bytes.indexOf(0, start)))
}

/**
 * @param {number} handle
 * @param {number} position
 * @param {number} length
 */
function readAt(handle, position, length) {
  const buffer = Buffer.alloc(length)
  if (readSync(handle, buffer, 0, length, position) < length) throw new Error('file ends early')
  return buffer
}
