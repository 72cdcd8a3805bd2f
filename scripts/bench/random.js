/**
 * Uniform numbers in [0, 1), the same for a seed every time (mulberry32).
 * @param {number} seed
 * @returns {() => number}
 */
export function uniforms(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Gaussian numbers from uniform ones, by Box and Muller.
 * @param {() => number} uniform
 * @returns {() => number}
 */
export function gaussians(uniform) {
  /** @type {number | undefined} */
  let second
  return () => {
    if (second !== undefined) {
      const value = second
      second = undefined
      return value
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
    const angle = 2 * Math.PI * uniform()
    second = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}
