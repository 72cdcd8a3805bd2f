import type { FieldAnswer } from '../../watch/answers.js'
import { colour } from '../shell/chart.js'
import { Canvas, type Sheet } from './canvas.js'
import { GOLDEN_RATIO, type Path, type Place, placeAt, within } from './geometry.js'

/** Of the hemisphere that is drawn, around data that lie within about 1. */
const RADIUS = 2.6
/** How much heights and depths are foreshortened, seen from in front and above. */
const [RISE, DEPTH] = [0.93, 0.36]
const MARGIN = 12
const RATIO = 0.64
/** Places on a circle, and half-circles over it. */
const CIRCLE = 72
const ARCHES = 3

/** A particle's way in a second, how long it then rests, and the tail that it draws, in pieces. */
const SPEED = 0.6
const REST = 1.5
const TAIL = 0.5
const PIECES = 6

export interface FallingProps {
  readonly field: FieldAnswer
  /** Of the plane that is marked. */
  readonly height: number
  /** How far the picture is turned, in turns. */
  readonly turn: number
  readonly onTurn: (change: number) => void
  readonly isMoving: boolean
}

/** Samples that fall along their paths onto the plane of the data. */
export function Falling({ field, height, turn, onTurn, isMoving }: FallingProps) {
  const paths = field.paths
    .map((path) => within(path, field.heights, RADIUS))
    .filter(({ places }) => places.length > 1)
  return (
    <Canvas
      label={`${paths.length} samples' paths from a hemisphere down to the plane of the data, at step ${field.step}`}
      ratio={RATIO}
      version={`${field.step} ${field.paths.length} ${height} ${turn}`}
      still={(sheet) =>
        drawStill(sheet, viewOf(sheet, turn), { paths, data: field.data, height, isAlone: !isMoving })
      }
      moving={(sheet, time) => drawParticles(sheet, viewOf(sheet, turn), paths, time)}
      isMoving={isMoving}
      onDrag={onTurn}
    />
  )
}

type View = (place: Place) => [x: number, y: number]

function viewOf({ width, height }: Sheet, turn: number): View {
  const high = Math.hypot(RISE, DEPTH) + DEPTH
  const scale = Math.min((width - 2 * MARGIN) / (2 * RADIUS), (height - 2 * MARGIN) / (RADIUS * high))
  const [cos, sin] = [Math.cos(2 * Math.PI * turn), Math.sin(2 * Math.PI * turn)]
  const ground = height - MARGIN - scale * RADIUS * DEPTH
  return ([x, y, z]) => [
    width / 2 + scale * (x * cos - y * sin),
    ground - scale * (RISE * z + DEPTH * (x * sin + y * cos)),
  ]
}

interface Still {
  readonly paths: readonly Path[]
  readonly data: readonly number[]
  readonly height: number
  /** Whether nothing moves over it, so that the paths are the picture. */
  readonly isAlone: boolean
}

function drawStill({ context }: Sheet, view: View, { paths, data, height, isAlone }: Still): void {
  context.lineWidth = 1
  context.strokeStyle = colour('line')
  for (const outline of outlines()) trace(context, view, outline)
  context.strokeStyle = colour('accent')
  context.globalAlpha = isAlone ? 0.5 : 0.13
  for (const { places } of paths) trace(context, view, places)
  context.globalAlpha = 0.75
  context.fillStyle = colour('data')
  for (let i = 0; i < data.length; i += 2) dot(context, view([data[i]!, data[i + 1]!, 0]), 1.2)
  context.fillStyle = colour('accent')
  for (const { places } of paths) dot(context, view(places.at(-1)!), 1.5)
  if (height < RADIUS) {
    context.globalAlpha = 0.9
    context.strokeStyle = colour('faint')
    context.setLineDash([3, 4])
    trace(context, view, circle(Math.sqrt(RADIUS ** 2 - height ** 2), height))
    context.setLineDash([])
  }
  context.globalAlpha = 1
}

/** The hemisphere: its circle on the plane, and arches over it. */
function outlines(): Place[][] {
  const arch = (i: number): Place[] =>
    Array.from({ length: CIRCLE + 1 }, (_, j) => {
      const [turn, up] = [(Math.PI * i) / ARCHES, (Math.PI * j) / CIRCLE]
      const across = RADIUS * Math.cos(up)
      return [across * Math.cos(turn), across * Math.sin(turn), RADIUS * Math.sin(up)]
    })
  return [circle(RADIUS, 0), ...Array.from({ length: ARCHES }, (_, i) => arch(i))]
}

const circle = (radius: number, height: number): Place[] =>
  Array.from({ length: CIRCLE + 1 }, (_, i) => {
    const angle = (2 * Math.PI * i) / CIRCLE
    return [radius * Math.cos(angle), radius * Math.sin(angle), height]
  })

function trace(context: CanvasRenderingContext2D, view: View, places: readonly Place[]): void {
  context.beginPath()
  for (const place of places) context.lineTo(...view(place))
  context.stroke()
}

function dot(context: CanvasRenderingContext2D, [x, y]: readonly [number, number], radius: number): void {
  context.beginPath()
  context.arc(x, y, radius, 0, 2 * Math.PI)
  context.fill()
}

function drawParticles({ context }: Sheet, view: View, paths: readonly Path[], time: number): void {
  const gone = paths.map(({ lengths }, i) => {
    const cycle = lengths.at(-1)! / SPEED + REST
    return SPEED * ((time + i * GOLDEN_RATIO * cycle) % cycle)
  })
  context.strokeStyle = colour('accent')
  context.lineWidth = 1.8
  for (let piece = 0; piece < PIECES; piece++) {
    context.globalAlpha = (piece + 1) / PIECES
    context.beginPath()
    for (const [i, path] of paths.entries()) {
      const back = (TAIL * (PIECES - piece)) / PIECES
      const [from, to] = [gone[i]! - back, gone[i]! - back + TAIL / PIECES]
      if (to <= 0 || from >= path.lengths.at(-1)!) continue
      context.moveTo(...view(placeAt(path, from)))
      context.lineTo(...view(placeAt(path, to)))
    }
    context.stroke()
  }
  context.fillStyle = colour('ink')
  for (const [i, path] of paths.entries()) {
    const left = path.lengths.at(-1)! + SPEED * REST - gone[i]!
    context.globalAlpha = Math.min(1, left / (SPEED * REST))
    dot(context, view(placeAt(path, gone[i]!)), 1.7)
  }
  context.globalAlpha = 1
}
