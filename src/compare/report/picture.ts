import type { Picture } from '../figures.js'
import { escaped } from './html.js'

/** A picture with its caption, which says what it shows. */
export function pictureHtml({ png, width, height }: Picture, caption: string): string {
  const size = `width="${width}" height="${height}"`
  return `<figure><figcaption>${escaped(caption)}</figcaption><img alt="${escaped(caption)}" ${size} src="data:image/png;base64,${png}"></figure>`
}
