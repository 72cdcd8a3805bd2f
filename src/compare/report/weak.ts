import { type Figures, partsOf } from '../figures.js'
import { COMPARED, type ComparedFlow, WEAK_FLOWS } from '../flows.js'
import type { NetworkName } from '../networks.js'
import { SAMPLERS } from '../samplers.js'
import { table } from './html.js'
import { lineOf, qualityOf } from './lines.js'
import { count, distance, listed, times } from './numbers.js'
import { picturesHtml } from './picture.js'
import type { Section, Verdict } from './section.js'

export function weakSection(figures: Figures): Section {
  const rows = WEAK_FLOWS.map((flow) => ({
    flow,
    strong: closest(figures, flow, 'unet'),
    weak: closest(figures, flow, 'refinenet'),
  }))
  return {
    id: 'weak',
    title: 'Quality with a weaker network',
    claim:
      'With the weaker network of NCSNv2 the ODEs of VE and VP fail to draw decent images, while PFGM’s still does: it is more tolerant of the network’s errors.',
    source: 'PFGM, arXiv 2209.11178, section 4.2',
    rule: [
      `The RefineNet of NCSNv2 has ${parametersOf(figures, 'refinenet')} parameters, where the DDPM++ has ${parametersOf(figures, 'unet')}, and learns for as many steps as it has below. The ODEs are followed by ${SAMPLERS.default.title} at its smallest tolerance, so that the error is the network’s.`,
    ],
    content: [
      table({
        caption: 'Energy distance with both networks',
        head: ['flow', 'DDPM++', 'RefineNet', 'as much', 'steps of DDPM++', 'of RefineNet'],
        rows: rows.map(({ flow, strong, weak }) => [
          COMPARED[flow].title,
          distance(strong),
          distance(weak),
          strong !== undefined && weak !== undefined ? `${times(weak / strong)} ×` : '–',
          stepsOf(figures, flow, 'unet'),
          stepsOf(figures, flow, 'refinenet'),
        ]),
      }),
      picturesHtml(
        partsOf(figures, 'samples')
          .filter(({ network }) => network === 'refinenet')
          .map(({ flow, count: samples, picture }) => ({
            picture,
            caption: `${COMPARED[flow].title} with the RefineNet: the first ${samples} samples`,
          })),
      ),
    ],
    ...judged(rows),
  }
}

/** At the smallest tolerance. */
function closest(figures: Figures, flow: ComparedFlow, network: NetworkName): number | undefined {
  const point = lineOf(figures, flow, 'default', network).at(-1)
  return point && qualityOf(point)
}

function parametersOf(figures: Figures, name: NetworkName): string {
  return count(partsOf(figures, 'training').find(({ network }) => network === name)?.parameters ?? 0)
}

/** Of the seeds all alike, as they follow from the time of a step. */
function stepsOf(figures: Figures, flow: ComparedFlow, name: NetworkName): string {
  const found = partsOf(figures, 'training').find((part) => part.flow === flow && part.network === name)
  return found ? count(found.steps) : '–'
}

interface Row {
  readonly flow: ComparedFlow
  readonly strong: number | undefined
  readonly weak: number | undefined
}

function judged(rows: readonly Row[]): { found: string; verdict: Verdict } {
  const pfgm = rows.find(({ flow }) => flow === 'pfgm')
  const others = rows.filter(({ flow }) => flow !== 'pfgm')
  if (pfgm?.weak === undefined || pfgm.strong === undefined) {
    return { found: 'PFGM had no samples with both networks.', verdict: 'not measured' }
  }
  const growth = ({ strong, weak }: Row) =>
    strong === undefined || weak === undefined ? Number.POSITIVE_INFINITY : weak / strong
  const words = rows.map((row) => `${COMPARED[row.flow].title} ${distance(row.weak)}`).join(', ')
  const best = others.filter(({ weak }) => pfgm.weak! <= (weak ?? Number.POSITIVE_INFINITY))
  const tolerant = others.filter((row) => growth(pfgm) <= growth(row))
  const named = (some: readonly Row[]) => listed(some.map(({ flow }) => COMPARED[flow].title))
  const closer = best.length > 0 ? `closer there than ${named(best)}` : 'no closer there than the others'
  const less = tolerant.length > 0 ? `less than that of ${named(tolerant)}` : 'most'
  const found = `With the RefineNet: ${words}. PFGM comes ${closer}; in proportion its distance grows ${less}.`
  if (best.length === others.length && tolerant.length === others.length)
    return { found, verdict: 'borne out' }
  return { found, verdict: best.length + tolerant.length > 0 ? 'in part' : 'not borne out' }
}
