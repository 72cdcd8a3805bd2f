import type { FieldAnswer, FieldLevel } from '../../watch/answers.js'
import { colour } from '../shell/chart.js'
import { Canvas, type Sheet } from './canvas.js'
import { crossing, GOLDEN_RATIO, line, spread } from './geometry.js'

const LINES = 420
/** Seconds that a particle takes along its line, and how much of the line it is long. */
const SECONDS = 2.6
const LENGTH = 0.28

export interface PlaneProps {
  readonly field: FieldAnswer
  readonly level: FieldLevel
  readonly isMoving: boolean
}

type Line = readonly (readonly [number, number])[]

/** The ways across a plane over the data's, and the samples that pass through it. */
export function Plane({ field, level, isMoving }: PlaneProps) {
  const { extent, height } = level
  const lines = Array.from({ length: LINES }, (_, i) => {
    const [x, y] = spread(i)
    return line(level, extent * x, extent * y)
  })
  const samples = field.paths.map((path) => crossing(path, field.heights, height))
  const pixels = ({ width }: Sheet) => {
    const scale = width / (2 * extent)
    return ([x, y]: readonly [number, number]): [number, number] => [
      scale * (x + extent),
      scale * (extent - y),
    ]
  }
  return (
    <Canvas
      label={`The way of samples across the plane at ${field.heightName} = ${height}, at step ${field.step}`}
      ratio={1}
      version={`${field.step} ${height}`}
      still={(sheet) =>
        drawStill(sheet, pixels(sheet), { lines, samples, data: field.data, isAlone: !isMoving })
      }
      moving={(sheet, time) => drawParticles(sheet, pixels(sheet), lines, time)}
      isMoving={isMoving}
    />
  )
}

type View = (place: readonly [number, number]) => [number, number]

interface Still {
  readonly lines: readonly Line[]
  readonly samples: Line
  readonly data: readonly number[]
  /** Whether nothing moves over it, so that lines need heads. */
  readonly isAlone: boolean
}

function drawStill({ context }: Sheet, view: View, { lines, samples, data, isAlone }: Still): void {
  context.fillStyle = colour('data')
  context.globalAlpha = 0.5
  for (let i = 0; i < data.length; i += 2) dot(context, view([data[i]!, data[i + 1]!]), 1.2)
  context.strokeStyle = colour('accent')
  context.globalAlpha = isAlone ? 0.55 : 0.28
  for (const places of lines) {
    context.beginPath()
    for (const place of places) context.lineTo(...view(place))
    context.stroke()
  }
  context.fillStyle = colour('accent')
  if (isAlone) for (const places of lines) dot(context, view(places.at(-1)!), 1.5)
  context.globalAlpha = 0.95
  context.fillStyle = colour('ink')
  for (const sample of samples) dot(context, view(sample), 1.9)
  context.globalAlpha = 1
}

function dot(context: CanvasRenderingContext2D, [x, y]: readonly [number, number], radius: number): void {
  context.beginPath()
  context.arc(x, y, radius, 0, 2 * Math.PI)
  context.fill()
}

function drawParticles({ context }: Sheet, view: View, lines: readonly Line[], time: number): void {
  context.strokeStyle = colour('accent')
  context.lineWidth = 1.8
  for (const [i, places] of lines.entries()) {
    const share = (time / SECONDS + i * GOLDEN_RATIO) % 1
    const last = places.length - 1
    const [from, to] = [share * (1 - LENGTH), share * (1 - LENGTH) + LENGTH].map((at) =>
      Math.round(at * last),
    )
    context.globalAlpha = Math.sin(Math.PI * share)
    context.beginPath()
    for (const place of places.slice(from, to! + 1)) context.lineTo(...view(place))
    context.stroke()
  }
  context.globalAlpha = 1
}
