/** A NumPy file, version 1.0, as `numpy.save` writes it. */
export function npyBytes(
  descr: string,
  shape: readonly number[],
  values: NodeJS.TypedArray,
  fortran = 'False',
): Buffer {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  return npyWithHeader(`{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${sizes}), }`, values)
}

/** A NumPy file whose header is written otherwise. */
export function npyWithHeader(header: string, values: NodeJS.TypedArray, version = 1): Buffer {
  const before = version === 1 ? 10 : 12
  const length = Math.ceil((before + header.length + 1) / 64) * 64 - before
  const head = Buffer.alloc(before)
  head.write('\x93NUMPY', 'latin1')
  head[6] = version
  if (version === 1) head.writeUInt16LE(length, 8)
  else head.writeUInt32LE(length, 8)
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  return Buffer.concat([head, Buffer.from(`${header.padEnd(length - 1)}\n`), bytes])
}
