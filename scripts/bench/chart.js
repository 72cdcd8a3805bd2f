// The ratios as horizontal bars on a logarithmic scale, in an SVG with a background of its own: it is read on light
// pages and on dark ones.
import { times } from './format.js'

const WIDTH = 800
const LEFT = 270
const RIGHT = 70
const BAR = 22
const PITCH = 32
const HEADING = 34
const TOP = 74
const BOTTOM = 52
const FONT = 'font-family="system-ui, -apple-system, \'Segoe UI\', Helvetica, Arial, sans-serif"'
const INK = '#1f2933'
const FAINT = '#52606d'
const LINE = '#d9e2ec'

const GROUPS = [
  { section: 'field', title: "The field's training target", colour: '#0b7285' },
  { section: 'training', title: 'A training step', colour: '#5f3dc4' },
  { section: 'sampling', title: 'The network alone', colour: '#2b8a3e' },
]

/**
 * @param {Record<string, any>} results by section
 * @returns {string | undefined} undefined where there is nothing to compare with
 */
export function drawChart(results) {
  const groups = GROUPS.map((group) => ({ ...group, rows: ratios(results[group.section]) })).filter(
    ({ rows }) => rows.length > 0,
  )
  if (groups.length === 0) return undefined
  const scale = logarithmic(groups.flatMap(({ rows }) => rows.map((row) => row.ratio)))
  const { marks, bottom } = drawGroups(groups, scale)
  const height = bottom + BOTTOM
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Ratios of PyTorch's time to pfgm-torch's" ${FONT}>`,
    `<rect width="${WIDTH}" height="${height}" rx="8" fill="#ffffff"/>`,
    text(24, 34, 'How many times faster than eager PyTorch', { size: 18, weight: 600 }),
    text(24, 55, subtitle(results), { size: 12, fill: FAINT }),
    ...scale.ticks.flatMap((tick) => drawTick(tick, scale, bottom)),
    ...marks,
    '</svg>\n',
  ].join('\n')
}

function ratios(section) {
  return (section?.rows ?? []).filter((row) => row.ratio)
}

function subtitle(results) {
  const machines = GROUPS.flatMap(({ section }) => (results[section] ? [results[section].machine] : []))
  const [{ cpu, threads, instructions } = {}] = machines
  return `float32, NCHW, the same libtorch build, ${threads} threads of ${escaped(cpu ?? '')}, ${instructions}; logarithmic scale`
}

/** From a half, or from below the smallest ratio, to a power of ten; and where on the page a ratio lies. */
function logarithmic(values) {
  const smallest = Math.log10(Math.min(...values))
  const low = smallest > Math.log10(0.5) ? Math.log10(0.5) : Math.floor(smallest)
  const high = Math.max(1, Math.ceil(Math.log10(Math.max(...values))))
  const x = (value) => LEFT + ((Math.log10(value) - low) / (high - low)) * (WIDTH - LEFT - RIGHT)
  const first = Math.ceil(low)
  const ticks = Array.from({ length: high - first + 1 }, (_, i) => 10 ** (first + i))
  return { x, ticks }
}

function drawGroups(groups, scale) {
  const marks = []
  let y = TOP
  for (const { title, colour, rows } of groups) {
    marks.push(text(24, y + 22, title, { size: 13, weight: 600, fill: colour }))
    y += HEADING
    for (const row of rows) {
      marks.push(...drawBar(row, colour, y, scale))
      y += PITCH
    }
  }
  return { marks, bottom: y }
}

function drawBar({ name, ratio }, colour, y, { x }) {
  const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))]
  const middle = y + BAR / 2 + 4
  return [
    text(LEFT - 12, middle, name, { size: 12, anchor: 'end' }),
    `<rect x="${from.toFixed(1)}" y="${y}" width="${(to - from).toFixed(1)}" height="${BAR}" rx="3" fill="${colour}"/>`,
    text(to + 8, middle, times(ratio), { size: 13, weight: 600 }),
  ]
}

function drawTick(tick, { x }, bottom) {
  const at = x(tick).toFixed(1)
  const [width, colour] = tick === 1 ? [1.5, FAINT] : [1, LINE]
  return [
    `<line x1="${at}" x2="${at}" y1="${TOP}" y2="${bottom + 6}" stroke="${colour}" stroke-width="${width}"/>`,
    text(at, bottom + 24, tick === 1 ? '1x (PyTorch)' : `${tick}x`, {
      size: 11,
      anchor: 'middle',
      fill: FAINT,
    }),
  ]
}

function text(x, y, content, { size, weight = 400, anchor = 'start', fill = INK }) {
  return `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="${fill}">${escaped(content)}</text>`
}

function escaped(content) {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
