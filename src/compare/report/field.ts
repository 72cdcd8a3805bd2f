import { type Figures, partsOf } from '../figures.js'
import { directionsPicture, linesPicture } from './field-picture.js'
import { distance, listed } from './numbers.js'
import type { Section, Verdict } from './section.js'

export function fieldSection(figures: Figures): Section {
  const parts = partsOf(figures, 'field')
  return {
    id: 'field',
    title: 'The field over the heart and the moons',
    claim:
      'Lines of the electric field of charges in the plane lead from them up to a far hemisphere and are spread over it evenly. Followed down from there, they give back the distribution of the charges.',
    source: 'PFGM, arXiv 2209.11178, figure 1 and sections 3.1 to 3.3',
    rule: [
      'The exact field of 2,000 points of each distribution is followed down from a hemisphere of radius 20, on which the starts are spread evenly: no network is part of it. Where the lines end is compared with the points. Drawn are some of the lines from where they are nearer than 2.5, and the field’s directions in an upright plane through the middle, in which the points are seen from the side.',
    ],
    content: parts.map((part) => {
      const named = { ...part, name: nameOf(part.toy) }
      return [
        '<div class="pair">',
        `<figure><figcaption>Lines of the field over the ${named.name}</figcaption>${linesPicture(named)}</figure>`,
        `<figure><figcaption>The field’s directions over the ${named.name}</figcaption>${directionsPicture(named)}</figure>`,
        '</div>',
      ].join('\n')
    }),
    ...judged(figures),
  }
}

const nameOf = (toy: 'heart' | 'two-moons'): string => (toy === 'heart' ? 'heart' : 'two moons')

function judged(figures: Figures): { found: string; verdict: Verdict } {
  const parts = partsOf(figures, 'field')
  if (parts.length === 0) return { found: 'No field was followed.', verdict: 'not measured' }
  const words = parts.map(
    ({ toy, ends, distance: value, floor }) =>
      `for the ${nameOf(toy)} ${ends} ends have an energy distance of ${distance(value)} to the points, as many of the points themselves 0 ± ${distance(2 * floor.deviation)}`,
  )
  const within = parts.filter(({ distance: value, floor }) => value <= floor.mean + 2 * floor.deviation)
  const text = listed(words)
  return {
    found: `${text[0]!.toUpperCase()}${text.slice(1)}.`,
    verdict: within.length === parts.length ? 'borne out' : within.length > 0 ? 'in part' : 'not borne out',
  }
}
