/**
 * The values that pixels stand for, in [-1, 1], as float32 has them.
 * @param {Uint8Array} pixels
 */
export function pixelValues(pixels) {
  const values = new Float32Array(pixels.length)
  // A loop: Float32Array.from lists all items first, and half a gigabyte of them is more than the heap holds.
  for (let i = 0; i < pixels.length; i++) values[i] = Math.fround(pixels[i] / 127.5) - 1
  return values
}
