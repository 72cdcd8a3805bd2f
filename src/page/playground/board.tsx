import { useEffect, useRef, useState } from 'preact/hooks'
import type { Drawing, Point } from './drawing.js'

interface BoardProps {
  readonly drawing: Drawing
  /** A stroke from one pixel to another; where it begins, of one pixel. */
  readonly draw: (from: Point, to: Point, isFirst: boolean) => void
}

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
}

/** The drawing, drawn on with a pointer, or with the arrow keys and the space bar. */
export function Board({ drawing, draw }: BoardProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const last = useRef<Point | undefined>(undefined)
  const [cursor, setCursor] = useState<Point | undefined>()
  const { width, height } = drawing
  useEffect(() => paint(canvas.current!, drawing), [drawing])

  const pointOf = ({ clientX, clientY }: PointerEvent): Point => {
    const { left, top, width: wide, height: high } = canvas.current!.getBoundingClientRect()
    return {
      x: within(Math.floor(((clientX - left) / wide) * width), width),
      y: within(Math.floor(((clientY - top) / high) * height), height),
    }
  }
  const begin = (event: PointerEvent) => {
    if (event.button !== 0) return
    canvas.current!.setPointerCapture(event.pointerId)
    last.current = pointOf(event)
    draw(last.current, last.current, true)
  }
  const goOn = (event: PointerEvent) => {
    if (!last.current) return
    const point = pointOf(event)
    if (point.x === last.current.x && point.y === last.current.y) return
    draw(last.current, point, false)
    last.current = point
  }
  const end = () => {
    last.current = undefined
  }
  const key = (event: KeyboardEvent) => {
    const at = cursor ?? { x: Math.floor(width / 2), y: Math.floor(height / 2) }
    const arrow = ARROWS[event.key]
    if (arrow) setCursor({ x: within(at.x + arrow.x, width), y: within(at.y + arrow.y, height) })
    else if (event.key === ' ' || event.key === 'Enter') {
      setCursor(at)
      draw(at, at, true)
    } else return
    event.preventDefault()
  }
  return (
    <div class="board">
      <div
        class="canvas"
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its keys draw
        tabIndex={0}
        aria-label="Drawing: arrow keys move, the space bar draws"
        onKeyDown={key}
        onBlur={() => setCursor(undefined)}
      >
        <canvas
          ref={canvas}
          width={width}
          height={height}
          class="picture pixels"
          onPointerDown={begin}
          onPointerMove={goOn}
          onPointerUp={end}
          onPointerCancel={end}
        />
      </div>
      {cursor && (
        <div
          class="cursor"
          style={{
            left: `${(100 * cursor.x) / width}%`,
            top: `${(100 * cursor.y) / height}%`,
            width: `${100 / width}%`,
            height: `${100 / height}%`,
          }}
        />
      )}
      <p class="unseen" role="status">
        {cursor && `Row ${cursor.y + 1}, column ${cursor.x + 1}${holeWords(drawing, cursor)}`}
      </p>
    </div>
  )
}

const holeWords = ({ holes, width }: Drawing, { x, y }: Point): string =>
  holes[y * width + x] ? ', to be filled' : ''

const within = (value: number, size: number): number => Math.max(0, Math.min(size - 1, value))

/** What is to be filled shows through a wash of the accent. */
function paint(canvas: HTMLCanvasElement, { width, height, pixels, holes }: Drawing): void {
  const context = canvas.getContext('2d')!
  context.putImageData(new ImageData(pixels.slice(), width, height), 0, 0)
  context.fillStyle = getComputedStyle(canvas).accentColor
  context.globalAlpha = 0.75
  holes.forEach((hole, at) => {
    if (hole) context.fillRect(at % width, Math.floor(at / width), 1, 1)
  })
  context.globalAlpha = 1
}
