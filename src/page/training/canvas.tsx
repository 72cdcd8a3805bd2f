import { useEffect, useRef, useState } from 'preact/hooks'
import { useDark, useWidth } from '../shell/chart.js'

/** What is drawn on, in pixels of the page. */
export interface Sheet {
  readonly context: CanvasRenderingContext2D
  readonly width: number
  readonly height: number
}

export interface CanvasProps {
  /** What it shows, for those who do not see it. */
  readonly label: string
  /** Its height in its width. */
  readonly ratio: number
  /** What is drawn depends on. */
  readonly version: string
  /** Draws what stays, once for a version. */
  readonly still: (sheet: Sheet) => void
  /** Draws what moves over it, at a time in seconds. */
  readonly moving: (sheet: Sheet, time: number) => void
  readonly isMoving: boolean
  /** Told how far a pointer was dragged to the right, in the canvas's width. */
  readonly onDrag?: (share: number) => void
}

/** A drawing, in the pixels of the screen, that moves while it is seen. */
export function Canvas({ label, ratio, version, still, moving, isMoving, onDrag }: CanvasProps) {
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const width = useWidth(box)
  const isDark = useDark()
  const isSeen = useSeen(box)
  useEffect(() => {
    if (!canvas.current || width === 0) return
    const sheet = prepared(canvas.current, width, Math.round(width * ratio))
    const behind = document.createElement('canvas')
    still(prepared(behind, sheet.width, sheet.height))
    let frame = 0
    const draw = (time: number) => {
      sheet.context.clearRect(0, 0, sheet.width, sheet.height)
      sheet.context.drawImage(behind, 0, 0, sheet.width, sheet.height)
      if (!isMoving) return
      moving(sheet, time / 1000)
      if (isSeen) frame = requestAnimationFrame(draw)
    }
    draw(performance.now())
    return () => cancelAnimationFrame(frame)
  }, [version, width, ratio, isDark, isMoving, isSeen])
  const drag = (event: PointerEvent) => {
    if (event.buttons === 1 && width > 0) onDrag?.(event.movementX / width)
  }
  return (
    <div ref={box} class={onDrag ? 'canvas turns' : 'canvas'}>
      <canvas ref={canvas} role="img" aria-label={label} {...(onDrag && { onPointerMove: drag })} />
    </div>
  )
}

function prepared(canvas: HTMLCanvasElement, width: number, height: number): Sheet {
  const ratio = devicePixelRatio
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  canvas.style.width = `${width}px`
  canvas.style.height = `${height}px`
  const context = canvas.getContext('2d')!
  context.scale(ratio, ratio)
  context.lineCap = 'round'
  return { context, width, height }
}

/** Whether an element is in the part of the page that is seen. */
export function useSeen(box: { readonly current: Element | null }): boolean {
  const [isSeen, setSeen] = useState(false)
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => setSeen(entry!.isIntersecting))
    observer.observe(box.current!)
    return () => observer.disconnect()
  }, [])
  return isSeen
}
