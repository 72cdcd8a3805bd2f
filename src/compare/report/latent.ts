import { type Figures, partsOf } from '../figures.js'
import { COMPARED } from '../flows.js'
import { picturesHtml } from './picture.js'
import type { Section, Verdict } from './section.js'

const GREY_LEVEL = 1 / 255

export function latentSection(figures: Figures): Section {
  const parts = partsOf(figures, 'latent')
  return {
    id: 'latent',
    title: 'Encodings and interpolations',
    claim:
      'The map is one to one: an image has an encoding on the hemisphere, which leads back to it, and points between two encodings give images between the two.',
    source: 'PFGM, arXiv 2209.11178, section 4.4',
    rule: [
      'Items of the data are followed up to the far end and back, by rk45 at a tolerance of 1e-4. Between two encodings directions go along the great circle, norms evenly.',
    ],
    content: parts.map(({ flow, images, encodings, decoded, interpolations, steps }) =>
      picturesHtml([
        { picture: images, caption: `${COMPARED[flow].title}: images of the data` },
        { picture: encodings, caption: 'Their encodings, each divided by its largest value' },
        { picture: decoded, caption: 'What the encodings lead back to' },
        { picture: interpolations, caption: `${steps} images from one to another, a row a pair` },
      ]),
    ),
    ...judged(figures),
  }
}

function judged(figures: Figures): { found: string; verdict: Verdict } {
  const [part] = partsOf(figures, 'latent')
  if (!part) return { found: 'Nothing was encoded.', verdict: 'not measured' }
  const levels = part.error / GREY_LEVEL
  return {
    found: `${part.leftOut > 0 ? `Left out are those items whose encodings lie farther out than samples can start, ${part.leftOut} of ${part.tried}. ` : ''}There and back, ${part.count} images are off by ${levels.toFixed(2)} grey levels of 255 on average. Whether what is between two images is an image, the pictures say.`,
    verdict: levels < 1 ? 'borne out' : 'in part',
  }
}
