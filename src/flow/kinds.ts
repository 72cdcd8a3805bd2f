import { z } from 'zod'
import { expectedBy, parse } from '../arguments/schema.js'
import { PfgmError } from '../errors.js'
import { type NetworkConfig, outputOf } from '../nn/config.js'
import { EDM, type EdmSettings } from './edm.js'
import type { Flow, FlowKind } from './flow.js'
import { PFGM, type PfgmSettings } from './pfgm.js'
import { PFGMPP, type PfgmppSettings } from './pfgmpp.js'
import { SUBVP, type SubvpSettings } from './subvp.js'
import { VE, type VeSettings } from './ve.js'
import { VP, type VpSettings } from './vp.js'

/** The settings of a flow, by its kind. */
export type FlowSettings =
  | PfgmSettings
  | PfgmppSettings
  | EdmSettings
  | VeSettings
  | VpSettings
  | SubvpSettings

/** Settings as they are given: the data give what is left out, and a flow without a kind is Poisson's. */
export type GivenFlow = Partial<PfgmSettings> | Given<Exclude<FlowSettings, PfgmSettings>>
/** Of each kind: conditional types go through a union one by one. */
type Given<S> = S extends { readonly kind: string } ? Partial<S> & Pick<S, 'kind'> : never

/** Every kind of flow by its name. A new kind is a line here. */
export const FLOW_KINDS = new Map<string, FlowKind<FlowSettings>>([
  [PFGM.kind, anyKind(PFGM)],
  [PFGMPP.kind, anyKind(PFGMPP)],
  [EDM.kind, anyKind(EDM)],
  [VE.kind, anyKind(VE)],
  [VP.kind, anyKind(VP)],
  [SUBVP.kind, anyKind(SUBVP)],
])

/** Their names. */
export const FLOWS: readonly string[] = [...FLOW_KINDS.keys()]

/** A kind whose settings have been judged by its own schema. */
function anyKind<S extends { readonly kind: string }>(kind: FlowKind<S>): FlowKind<FlowSettings> {
  return kind as unknown as FlowKind<FlowSettings>
}

/** The kind of flow that settings are for; undefined where there is none of that name. */
export function flowKind(settings: unknown): FlowKind<FlowSettings> | undefined {
  const { kind = PFGM.kind } = (settings ?? {}) as { kind?: string }
  return FLOW_KINDS.get(kind)
}

/** Settings of any kind of flow. */
export const flowSettingsSchema = z.unknown().transform((settings, context): FlowSettings => {
  const kind = flowKind(settings)
  const parsed = kind?.schema.safeParse(settings, { error: expectedBy })
  if (parsed?.success) return parsed.data
  const message = `one of ${[...FLOW_KINDS.keys()].join(', ')}`
  for (const issue of parsed?.error.issues ?? [{ code: 'custom', path: ['kind'], message }]) {
    context.issues.push({ ...issue, input: settings } as z.core.$ZodRawIssue)
  }
  return z.NEVER
})

/** @throws TypeError or RangeError where settings are not whole or not right, naming one that is not */
export function parseFlow(settings: unknown): FlowSettings {
  return parse('flow', flowSettingsSchema, settings) as FlowSettings
}

/**
 * Networks give what their flow needs.
 * @throws RangeError where one does not
 */
export function expectOutput(network: NetworkConfig, settings: FlowSettings): void {
  const output = outputOf(network)
  const { output: needed, embedding } = flowKind(settings) ?? {}
  if (embedding !== undefined && 'embedding' in network && network.embedding !== embedding) {
    throw new RangeError(
      `Expected a network whose embedding is ${embedding} for ${settings.kind}, which tells it 999 t, but received one of ${network.embedding}`,
    )
  }
  if (output === needed || (output === 'denoised' && needed === 'image')) return
  throw new RangeError(
    `Expected a network whose output is ${needed}, as ${settings.kind} needs, but received one of ${output}`,
  )
}

/** The flow of settings. */
export function createFlow(settings: FlowSettings): Flow {
  const kind = flowKind(settings)
  if (kind) return kind.create(settings)
  throw new PfgmError('ERR_PFGM_CHECKPOINT', `Expected a known kind of flow but received ${settings.kind}`)
}
