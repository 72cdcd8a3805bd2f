import type { FlowSettings } from '../../src/flow/kinds.js'
import type { Sde } from '../../src/flow/sde.js'
import { subvpSde } from '../../src/flow/subvp.js'
import { veSde } from '../../src/flow/ve.js'
import { vpSde } from '../../src/flow/vp.js'
import type { NativeScales } from '../../src/native/addon.js'

const VE = { sigmaMin: 0.01, sigmaMax: 50 }
const BETA = { betaMin: 0.1, betaMax: 20 }
const SHARED = { likelihoodWeighting: false, target: 'image' } as const

/** The SDEs of the goldens, as published for images in [0, 1] (VE) and [-1, 1]. */
export const SDES: {
  readonly name: 've' | 'vp' | 'subvp'
  readonly sde: Sde
  settings(tMin?: number, coordinates?: 'scaled' | 'published'): FlowSettings
  scales(likelihoodWeighting?: boolean): NativeScales
}[] = [
  {
    name: 've',
    sde: veSde(VE),
    settings: (tMin = 1e-5, coordinates = 'scaled') => ({ kind: 've', coordinates, ...VE, ...SHARED, tMin }),
    scales: (weighted = false) => ({ kind: 've', ...VE, likelihoodWeighting: Number(weighted) }),
  },
  {
    name: 'vp',
    sde: vpSde(BETA),
    settings: (tMin = 1e-3, coordinates = 'scaled') => ({
      kind: 'vp',
      coordinates,
      ...BETA,
      ...SHARED,
      tMin,
    }),
    scales: (weighted = false) => ({ kind: 'vp', ...BETA, likelihoodWeighting: Number(weighted) }),
  },
  {
    name: 'subvp',
    sde: subvpSde(BETA),
    settings: (tMin = 1e-3, coordinates = 'scaled') => ({
      kind: 'subvp',
      coordinates,
      ...BETA,
      ...SHARED,
      tMin,
    }),
    scales: (weighted = false) => ({ kind: 'subvp', ...BETA, likelihoodWeighting: Number(weighted) }),
  },
]
