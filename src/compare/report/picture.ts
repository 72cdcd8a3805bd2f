import type { Picture } from '../figures.js'
import { escaped } from './html.js'

/** Pictures beside each other where there is room, each with what it shows. */
export function picturesHtml(
  pictures: readonly { readonly picture: Picture; readonly caption: string }[],
): string {
  const figures = pictures.map(({ picture: { png, width, height }, caption }) => {
    const text = escaped(caption)
    const image = `<img alt="${text}" width="${width}" height="${height}" src="data:image/png;base64,${png}">`
    return `<figure><figcaption>${text}</figcaption>${image}</figure>`
  })
  return `<div class="pair">${figures.join('\n')}</div>`
}
