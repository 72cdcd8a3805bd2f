// Numbers of both sides, and how far they are apart.

/** @param {Buffer} buffer of float32 values */
export function floats(buffer) {
  return new Float32Array(buffer.buffer, buffer.byteOffset, buffer.byteLength / 4)
}

/** @param {Float32Array} vector */
export function norm(vector) {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
}

/** How far values are from others, in parts of those' norm. */
export function relativeDifference(values, others) {
  return norm(values.map((value, i) => value - others[i])) / norm(others)
}

/** Mean |error| of images in [-1, 1], as of pixels in [0, 1]. */
export function meanPixelError(values, exact) {
  return values.reduce((sum, value, i) => sum + Math.abs(value - exact[i]) / 2, 0) / values.length
}
