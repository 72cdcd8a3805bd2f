/** A NumPy file, version 1.0, as `numpy.save` writes it. */
export function npyBytes(
  descr: string,
  shape: readonly number[],
  values: NodeJS.TypedArray,
  fortran = 'False',
): Buffer {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${sizes}), }`
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10
  const head = Buffer.alloc(10)
  head.write('\x93NUMPY\x01\x00', 'latin1')
  head.writeUInt16LE(length, 8)
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  return Buffer.concat([head, Buffer.from(`${text.padEnd(length - 1)}\n`), bytes])
}
