/** From here on a picture is large enough to be smoothed where it is shown larger. */
const LARGE = 128

/** A picture of a model, shown larger than it is. @param words what it shows; none where its place says it */
export function Picture({ png, words, width }: { png: string | undefined; words: string; width: number }) {
  const look = `picture${width < LARGE ? ' pixels' : ''}`
  if (png === undefined)
    return <div class={look} {...(words !== '' && { role: 'img', 'aria-label': words })} />
  return <img class={look} src={dataUrl(png)} alt={words} />
}

/** @param png in base64 */
export const dataUrl = (png: string): string => `data:image/png;base64,${png}`
