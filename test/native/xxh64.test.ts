import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-hash-'))
afterAll(() => rmSync(folder, { recursive: true }))

const [P1, P2, P3, P4, P5]: [bigint, bigint, bigint, bigint, bigint] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
]
const u64 = (value: bigint) => BigInt.asUintN(64, value)
const rotated = (value: bigint, bits: bigint) => u64((value << bits) | (u64(value) >> (64n - bits)))
const round = (lane: bigint, input: bigint) => u64(rotated(u64(lane + input * P2), 31n) * P1)

/** The specification's steps, one after another. */
function xxh64(bytes: Buffer): string {
  let at = 0
  let hash = P5
  if (bytes.length >= 32) {
    const lanes = [P1 + P2, P2, 0n, -P1].map(u64)
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i]!, bytes.readBigUInt64LE(at + 8 * i))
    }
    hash = u64(lanes.reduce((sum, lane, i) => sum + rotated(lane, [1n, 7n, 12n, 18n][i]!), 0n))
    for (const lane of lanes) hash = u64((hash ^ round(0n, lane)) * P1 + P4)
  }
  hash = u64(hash + BigInt(bytes.length))
  for (; at + 8 <= bytes.length; at += 8) {
    hash = u64(rotated(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * P1 + P4)
  }
  if (at + 4 <= bytes.length) {
    hash = u64(rotated(hash ^ u64(BigInt(bytes.readUInt32LE(at)) * P1), 23n) * P2 + P3)
    at += 4
  }
  for (; at < bytes.length; at++) hash = u64(rotated(hash ^ (BigInt(bytes[at]!) * P5), 11n) * P1)
  hash = u64((hash ^ (hash >> 33n)) * P2)
  hash = u64((hash ^ (hash >> 29n)) * P3)
  return (hash ^ (hash >> 32n)).toString(16).padStart(16, '0')
}

it('the hash is that of the specification, in however many pieces it is fed', async () => {
  expect(xxh64(Buffer.from('abc'))).toBe('44bc2cf5ad770999') // as published
  const path = join(folder, 'bytes')
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((values) => Buffer.from(values))
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 80 }), bytes(9), bytes(200), async (header, before, data) => {
      writeFileSync(path, Buffer.concat([before, data, Buffer.from('more')]))
      const whole = xxh64(Buffer.concat([Buffer.from(header), data]))
      expect(await native().checksumFile(path, header, before.length, data.length)).toBe(whole)
    }),
  )
  const megabytes = Buffer.from(Uint8Array.from({ length: 2 ** 21 + 5 }, (_, i) => (i * i) >> 3))
  writeFileSync(path, megabytes)
  expect(await native().checksumFile(path, '', 0, megabytes.length)).toBe(xxh64(megabytes))
})

it('of a tensor, the rows that are asked for count', async () => {
  const values = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i))
  using tensor = await Tensor.from<'float32'>(values, [10, 2, 3])
  for (const rows of [0, 1, 7, 10]) {
    const first = Buffer.from(values.buffer, 0, rows * 6 * 4)
    expect(await native().hashTensor(tensor.handle, rows)).toBe(xxh64(first))
  }
  expect(() => native().hashTensor(tensor.handle, 11)).toThrow('Expected rows to be rows of the tensor')
})
