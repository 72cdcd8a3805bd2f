import { type Figures, type PartOf, partsOf } from '../figures.js'
import { COMPARED, type ComparedFlow, FLOW_NAMES } from '../flows.js'
import { table } from './html.js'
import { mean } from './numbers.js'
import type { Section, Verdict } from './section.js'

/** Mean over the seeds; the error is that of the items, which are the same for all seeds. */
interface Bits {
  readonly flow: ComparedFlow
  readonly bits: number | undefined
  readonly error: number
  readonly parts: readonly PartOf<'likelihood'>[]
}

export function likelihoodSection(figures: Figures): Section {
  const rows = FLOW_NAMES.map((flow) => bitsOf(figures, flow))
  const items = rows[0]?.parts[0]?.count ?? 0
  return {
    id: 'likelihood',
    title: 'Likelihoods',
    claim:
      'As its map is one to one, PFGM gives exact likelihoods by the change of variables along the ODE, about those of VP’s ODE and better than those of VE’s.',
    source: 'PFGM, arXiv 2209.11178, section 4.4',
    rule: [
      `Bits per dimension of ${items} items spread over the data, dequantised once from 256 levels, by rk45 with the divergence estimated by random signs (Hutchinson). The items are of those that the models learned from.`,
    ],
    content: [
      table({
        caption: 'Bits per dimension; fewer are better',
        head: ['flow', 'bits per dimension', 'standard error over the items', 'evaluations'],
        rows: rows.map(({ flow, bits, error, parts }) => [
          COMPARED[flow].title,
          bits?.toFixed(3) ?? (parts.length > 0 ? 'no end' : '–'),
          bits === undefined ? '–' : error.toFixed(3),
          parts.length > 0 ? mean(parts.map(({ evaluations }) => evaluations)).toFixed(0) : '–',
        ]),
      }),
    ],
    ...judged(rows),
  }
}

function bitsOf(figures: Figures, flow: ComparedFlow): Bits {
  const parts = partsOf(figures, 'likelihood').filter((part) => part.flow === flow)
  const known = parts.filter((part) => part.bitsPerDimension !== null)
  if (known.length === 0) return { flow, bits: undefined, error: Number.NaN, parts }
  return {
    flow,
    bits: mean(known.map((part) => part.bitsPerDimension!)),
    error: mean(known.map((part) => part.standardError!)),
    parts,
  }
}

function judged(rows: readonly Bits[]): { found: string; verdict: Verdict } {
  const of = (flow: ComparedFlow) => rows.find((row) => row.flow === flow)
  const [pfgm, vp, ve] = [of('pfgm'), of('vp'), of('ve')]
  if (pfgm?.bits === undefined || vp?.bits === undefined) {
    return { found: 'PFGM and VP were not both measured.', verdict: 'not measured' }
  }
  const isAsGood = pfgm.bits <= vp.bits + 2 * Math.max(pfgm.error, vp.error)
  const beatsVe = ve?.bits === undefined || pfgm.bits < ve.bits
  const found = `PFGM has ${pfgm.bits.toFixed(2)} bits per dimension, VP ${vp.bits.toFixed(2)}, VE ${ve?.bits?.toFixed(2) ?? 'none'}. The best is ${bestName(rows)}.`
  if (isAsGood && beatsVe) return { found, verdict: 'borne out' }
  return { found, verdict: isAsGood || beatsVe ? 'in part' : 'not borne out' }
}

function bestName(rows: readonly Bits[]): string {
  const known = rows.filter(({ bits }) => bits !== undefined).sort((a, b) => a.bits! - b.bits!)
  return known[0] ? `${COMPARED[known[0].flow].title} with ${known[0].bits!.toFixed(2)}` : 'none'
}
