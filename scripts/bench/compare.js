// Two sides in turn, in one run: what slows the machine for a while slows both.
import { setTimeout as sleep } from 'node:timers/promises'

/** Threads that wait for more work spin for a moment; the other side's turn starts when they sleep. */
const SETTLE_MS = 100
/** Short work is done again and again for this long a turn, so that neither side's figure is that of waking up. */
const TURN_SECONDS = 0.2

/**
 * @typedef {() => Promise<number>} Work returns the seconds that it took
 * @typedef {{ median: number, all: number[] }} Times
 */

/**
 * Medians of both sides' turns, taken alternately after one of each that does not count.
 * @param {number} repeats
 * @param {Work} ours
 * @param {Work | undefined} theirs undefined where there is nothing to compare with
 * @returns {Promise<{ ours: Times, theirs?: Times, ratio?: number }>}
 */
export async function compare(repeats, ours, theirs) {
  const [mine, others] = await inTurn(repeats, theirs ? [ours, theirs] : [ours])
  if (!theirs) return { ours: mine }
  return { ours: mine, theirs: others, ratio: others.median / mine.median }
}

/**
 * Medians of any number of sides' turns, taken one after the other, after one of each that does not count.
 * @param {number} repeats
 * @param {Work[]} sides
 * @returns {Promise<Times[]>}
 */
export async function inTurn(repeats, sides) {
  /** @type {number[][]} */
  const times = sides.map(() => [])
  for (let turn = 0; turn <= repeats; turn++) {
    for (const [side, work] of sides.entries()) {
      const seconds = await takeTurn(work)
      if (turn > 0) times[side].push(seconds)
    }
  }
  return times.map((all) => ({ median: median(all), all }))
}

/**
 * The median of a turn's calls.
 * @param {Work} work
 */
async function takeTurn(work) {
  await sleep(SETTLE_MS)
  const all = []
  const end = performance.now() + TURN_SECONDS * 1000
  do all.push(await work())
  while (performance.now() < end)
  return median(all)
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Seconds that work took.
 * @param {() => Promise<unknown>} work
 */
export async function timed(work) {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1000
}
