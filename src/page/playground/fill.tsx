import { useEffect, useRef, useState } from 'preact/hooks'
import { address } from '../shell/address.js'
import { useAnswer } from '../shell/answer.js'
import { Notice } from '../shell/notice.js'
import { ask } from '../shell/service.js'
import { Board } from './board.js'
import {
  type Brush,
  type Drawing,
  drawingOf,
  hasHoles,
  type Point,
  stroke,
  withLowerHalf,
  withTransparency,
} from './drawing.js'
import type { Facts, Model } from './facts.js'
import { dataUrl, Picture } from './picture.js'
import { drawingQuery, type State } from './state.js'
import { type Tool, Tools } from './tools.js'

/** Ways in which a picture is filled at once. */
const WAYS = 4
/** Strokes that can be taken back. */
const KEPT = 50

interface FillProps {
  readonly facts: Facts
  readonly model: Model
  readonly state: State
  /** The sample that is begun with, PNG in base64. */
  readonly png: string | undefined
}

/** Drawing on the sample, and having parts of it drawn anew. */
export function Fill({ facts, model, state, png }: FillProps) {
  const { drawing, start, put, undo, begin, isTouched, canUndo } = useDrawing(png)
  const [tool, setTool] = useState<Tool>(() => ({
    kind: 'fill',
    size: Math.max(1, Math.round(model.width / 9)),
    colour: [255, 255, 255],
  }))
  const [job, setJob] = useState<{ readonly id: number; readonly body: Blob }>()
  const count = Math.min(WAYS, facts.count)
  const query = { model: model.name, seed: state.seed, count, ...drawingQuery(state), format: 'json' }
  const path = address('v1/fill', query)
  const answer = useAnswer(job && `${job.id} ${path}`, async (signal) => {
    const { body } = job!
    const headers = { 'content-type': 'image/png' }
    const response = await ask(path, { method: 'POST', body, headers, signal })
    return (await response.json()).images as string[]
  })
  const fill = async (of: Drawing) => {
    const body = await pngOf(of)
    setJob((before) => ({ id: (before?.id ?? 0) + 1, body }))
  }
  const draw = (from: Point, to: Point, isFirst: boolean) =>
    put((before) => stroke(before, brushOf(tool, start!), tool.size, from, to), isFirst)
  return (
    <section class="card fill" aria-busy={answer.isBusy}>
      <h2>Draw, and fill in</h2>
      {drawing && start ? (
        <div class="parts">
          <Board drawing={drawing} draw={draw} />
          <div>
            <Tools {...{ tool, setTool }} isGrey={model.channels === 1} most={Math.ceil(model.width / 3)} />
            <div class="row">
              <button type="button" disabled={!canUndo} onClick={undo}>
                Undo
              </button>
              <button type="button" onClick={() => put(withLowerHalf, true)}>
                Mark the lower half
              </button>
              <button type="button" disabled={!isTouched} onClick={() => png && begin(png)}>
                Start over
              </button>
            </div>
            <button type="button" class="primary" disabled={!hasHoles(drawing)} onClick={() => fill(drawing)}>
              Fill in
            </button>
            <p class="faint" role="status">
              {wordsOf(answer.isBusy, hasHoles(drawing), answer.value !== undefined)}
            </p>
          </div>
          <div class="filled">
            <Notice text={answer.error} again={answer.again} />
            <div class={answer.isBusy ? 'ways old' : 'ways'}>
              {answer.value?.map((way, i) => (
                <button
                  key={i}
                  type="button"
                  aria-label={`Go on with way ${i + 1}`}
                  onClick={() => begin(way)}
                >
                  <Picture png={way} words="" width={model.width} />
                </button>
              ))}
            </div>
          </div>
        </div>
      ) : (
        <p class="faint">As soon as there is a sample.</p>
      )}
    </section>
  )
}

function wordsOf(isBusy: boolean, isMarked: boolean, isFilled: boolean): string {
  if (isBusy) return 'It is filled in …'
  if (isFilled) return 'Filled in, with a seed each. Go on with the one that you choose.'
  return isMarked ? '' : 'Mark what is to be drawn anew.'
}

const brushOf = ({ kind, colour }: Tool, from: Drawing): Brush =>
  kind === 'draw' ? { kind, colour } : kind === 'restore' ? { kind, from } : { kind }

/** A drawing that follows the sample until it is drawn on. */
function useDrawing(png: string | undefined) {
  const [start, setStart] = useState<Drawing>()
  const [past, setPast] = useState<readonly Drawing[]>([])
  const drawing = past.at(-1) ?? start
  const isTouched = useRef(false)
  const newest = useRef(0)
  const begin = async (image: string, touched = false) => {
    newest.current += 1
    const turn = newest.current
    const begun = await decode(image)
    if (turn !== newest.current) return
    isTouched.current = touched
    setStart(begun)
    setPast([])
  }
  useEffect(() => {
    if (png !== undefined && !isTouched.current) begin(png)
  }, [png])
  const put = (change: (before: Drawing) => Drawing, isFirst: boolean) => {
    isTouched.current = true
    setPast((before) => {
      const after = change(before.at(-1) ?? start!)
      return [...(isFirst ? before : before.slice(0, -1)), after].slice(-KEPT)
    })
  }
  return {
    drawing,
    start,
    put,
    begin: (image: string) => begin(image, image !== png),
    undo: () => setPast((before) => before.slice(0, -1)),
    isTouched: isTouched.current,
    canUndo: past.length > 0,
  }
}

async function decode(png: string): Promise<Drawing> {
  const image = new Image()
  image.src = dataUrl(png)
  await image.decode()
  const context = contextOf(image.width, image.height)
  context.drawImage(image, 0, 0)
  return drawingOf(image.width, image.height, context.getImageData(0, 0, image.width, image.height).data)
}

async function pngOf(drawing: Drawing): Promise<Blob> {
  const { width, height } = drawing
  const context = contextOf(width, height)
  context.putImageData(new ImageData(withTransparency(drawing), width, height), 0, 0)
  const blob = await new Promise<Blob | null>((done) => context.canvas.toBlob(done, 'image/png'))
  return blob!
}

function contextOf(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  return canvas.getContext('2d', { willReadFrequently: true })!
}
