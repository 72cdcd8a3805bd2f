import type { GivenFlow } from '../flow/kinds.js'

/** What is compared: flows by the name that figures have for them. */
export const COMPARED = {
  pfgm: { title: 'PFGM', flow: { kind: 'pfgm' } },
  'pfgmpp-64': { title: 'PFGM++, D = 64', flow: { kind: 'pfgmpp', D: 64 } },
  'pfgmpp-2048': { title: 'PFGM++, D = 2048', flow: { kind: 'pfgmpp', D: 2048 } },
  edm: { title: 'EDM', flow: { kind: 'edm' } },
  ve: { title: 'VE', flow: { kind: 've' } },
  vp: { title: 'VP', flow: { kind: 'vp' } },
} as const satisfies Readonly<Record<string, { title: string; flow: GivenFlow }>>

export type ComparedFlow = keyof typeof COMPARED
export const FLOW_NAMES = Object.keys(COMPARED) as readonly ComparedFlow[]

/** Those whose SDE can be followed back with noise. */
export const SDE_FLOWS: readonly ComparedFlow[] = ['ve', 'vp']

/** Those that the paper trains a weaker network for. */
export const WEAK_FLOWS: readonly ComparedFlow[] = ['pfgm', 've', 'vp']
