// The few facts about a Linux binary that tell why it does not load.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** @type {Record<number, string>} */
const MACHINES = { 3: 'ia32', 40: 'arm', 62: 'x64', 183: 'arm64', 243: 'riscv64' }

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
  let handle
  try {
    handle = openSync(file, 'r')
    return parse(handle)
  } catch {
    return undefined
  } finally {
    if (handle !== undefined) closeSync(handle)
  }
}

/**
 * @param {number} handle
 * @returns {Elf | undefined}
 */
function parse(handle) {
  const header = readAt(handle, 0, 64)
  if (header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1) return undefined
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
    if (entry.readUInt32LE(0) !== 3) continue // PT_INTERP
    const text = readAt(handle, Number(entry.readBigUInt64LE(8)), Number(entry.readBigUInt64LE(32)))
    return text.toString('latin1').replace(/\0.*$/s, '')
  }
  return undefined
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
