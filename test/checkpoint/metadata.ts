/** A safetensors file with other metadata in its header. */
export function withMetadata(
  bytes: Buffer,
  change: (metadata: Record<string, string>) => Record<string, string>,
): Buffer {
  const length = Number(bytes.readBigUInt64LE())
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  const text = Buffer.from(JSON.stringify({ ...header, __metadata__: change(header.__metadata__) }))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([prefix, text, bytes.subarray(8 + length)])
}
