/** The float32 values of a NumPy file, version 1. */
export function valuesOf(file: ArrayBuffer): Float32Array {
  const header = new DataView(file).getUint16(8, true)
  return new Float32Array(file.slice(10 + header))
}
