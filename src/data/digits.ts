import { fileURLToPath } from 'node:url'
import type { Dataset } from './dataset.js'
import { idx } from './idx.js'

const IMAGES = new URL('../../data/digits-images.idx3-ubyte.gz', import.meta.url)
const LABELS = new URL('../../data/digits-labels.idx1-ubyte.gz', import.meta.url)

/**
 * 1797 handwritten digits that come with the package: grey, 8 x 8, pixels 0 to 255, labels 0 to 9. Not to be
 * mirrored. Their source and licence are in `data/README.md`.
 */
export async function digits(): Promise<Dataset> {
  const dataset = await idx(fileURLToPath(IMAGES), { labels: fileURLToPath(LABELS) })
  return { ...dataset, name: 'digits' }
}
