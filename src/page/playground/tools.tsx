import { useId } from 'preact/hooks'
import type { Brush, Colour } from './drawing.js'
import { Stops } from './stops.js'

/** What is drawn with. */
export interface Tool {
  readonly kind: Brush['kind']
  /** Pixels. */
  readonly size: number
  readonly colour: Colour
}

const KINDS: readonly (readonly [Brush['kind'], string])[] = [
  ['fill', 'Mark'],
  ['draw', 'Draw'],
  ['restore', 'Put back'],
]
const GREYS = Array.from({ length: 18 }, (_, i) => 15 * i)

export function Tools({
  tool,
  setTool,
  isGrey,
  most,
}: {
  tool: Tool
  setTool: (tool: Tool) => void
  isGrey: boolean
  /** The largest size. */
  most: number
}) {
  const id = useId()
  const sizes = Array.from({ length: most }, (_, i) => i + 1)
  return (
    <>
      <fieldset class="setting">
        <legend>Brush</legend>
        <div class="chips">
          {KINDS.map(([kind, name]) => (
            <label key={kind} class={tool.kind === kind ? 'chip chosen' : 'chip'}>
              <input
                type="radio"
                name={id}
                checked={tool.kind === kind}
                onChange={() => setTool({ ...tool, kind })}
              />
              {name}
            </label>
          ))}
        </div>
      </fieldset>
      <Stops name="Size" values={sizes} value={tool.size} choose={(size) => setTool({ ...tool, size })} />
      {tool.kind === 'draw' && isGrey && (
        <Stops
          name="Grey"
          values={GREYS}
          value={tool.colour[0]}
          choose={(grey) => setTool({ ...tool, colour: [grey, grey, grey] })}
        />
      )}
      {tool.kind === 'draw' && !isGrey && (
        <div class="setting">
          <label for={`${id}-colour`}>Colour</label>
          <input
            id={`${id}-colour`}
            type="color"
            value={hexOf(tool.colour)}
            onInput={({ currentTarget }) => setTool({ ...tool, colour: colourOf(currentTarget.value) })}
          />
        </div>
      )}
    </>
  )
}

const hexOf = (colour: Colour): string =>
  `#${colour.map((part) => part.toString(16).padStart(2, '0')).join('')}`

const colourOf = (hex: string): Colour => {
  const value = Number.parseInt(hex.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}
