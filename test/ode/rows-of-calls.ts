import { vi } from 'vitest'
import { native } from '../../src/native/native.js'

/** Rows of each call of the network from now on, until mocks are restored. */
export function rowsOfCalls(): number[] {
  const rows: number[] = []
  const addon = native()
  const evaluateDrifts = addon.evaluateDrifts.bind(addon)
  vi.spyOn(addon, 'evaluateDrifts').mockImplementation((handle, evaluations) => {
    rows.push(evaluations.reduce((sum, { heights }) => sum + heights.length, 0))
    return evaluateDrifts(handle, evaluations)
  })
  return rows
}
