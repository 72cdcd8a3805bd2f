/** A picture that is drawn on, and what of it is to be filled. */
export interface Drawing {
  readonly width: number
  readonly height: number
  /** RGBA, opaque, row after row. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>
  /** By pixel: 1 where it is to be filled. */
  readonly holes: Uint8Array
}

export interface Point {
  readonly x: number
  readonly y: number
}

export type Colour = readonly [red: number, green: number, blue: number]

/** What a brush does to the pixels that it covers. */
export type Brush =
  | { readonly kind: 'fill' }
  | { readonly kind: 'draw'; readonly colour: Colour }
  /** Back to the picture that was begun with. */
  | { readonly kind: 'restore'; readonly from: Drawing }

/** @param data RGBA; what is transparent there becomes opaque */
export function drawingOf(width: number, height: number, data: ArrayLike<number>): Drawing {
  const pixels = new Uint8ClampedArray(data)
  for (let i = 3; i < pixels.length; i += 4) pixels[i] = 255
  return { width, height, pixels, holes: new Uint8Array(width * height) }
}

/** The drawing after a stroke of a brush, so many pixels wide, from one pixel to another. */
export function stroke(drawing: Drawing, brush: Brush, size: number, from: Point, to: Point): Drawing {
  const after = { ...drawing, pixels: drawing.pixels.slice(), holes: drawing.holes.slice() }
  const steps = Math.max(1, Math.abs(to.x - from.x), Math.abs(to.y - from.y))
  for (let i = 0; i <= steps; i++) {
    const x = Math.round(from.x + ((to.x - from.x) * i) / steps)
    const y = Math.round(from.y + ((to.y - from.y) * i) / steps)
    stamp(after, brush, size, x, y)
  }
  return after
}

function stamp(drawing: Drawing, brush: Brush, size: number, x: number, y: number): void {
  const [left, top] = [x - Math.floor((size - 1) / 2), y - Math.floor((size - 1) / 2)]
  for (let row = Math.max(0, top); row < Math.min(drawing.height, top + size); row++) {
    for (let column = Math.max(0, left); column < Math.min(drawing.width, left + size); column++)
      touch(drawing, brush, row * drawing.width + column)
  }
}

function touch({ pixels, holes }: Drawing, brush: Brush, at: number): void {
  holes[at] = brush.kind === 'fill' ? 1 : 0
  if (brush.kind === 'draw') pixels.set(brush.colour, 4 * at)
  if (brush.kind === 'restore') pixels.set(brush.from.pixels.subarray(4 * at, 4 * at + 4), 4 * at)
}

/** Its lower half to be filled, and nothing else. */
export function withLowerHalf(drawing: Drawing): Drawing {
  const first = Math.ceil(drawing.height / 2) * drawing.width
  return { ...drawing, holes: drawing.holes.map((_, at) => (at >= first ? 1 : 0)) }
}

export const hasHoles = ({ holes }: Drawing): boolean => holes.includes(1)

/** RGBA that is transparent where it is to be filled. */
export function withTransparency({ pixels, holes }: Drawing): Uint8ClampedArray<ArrayBuffer> {
  const seen = pixels.slice()
  holes.forEach((hole, at) => {
    if (hole) seen.fill(0, 4 * at, 4 * at + 4)
  })
  return seen
}
