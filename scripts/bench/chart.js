// The ratios as horizontal bars on a logarithmic scale.
import {
  bar,
  COLOURS,
  caption,
  FAINT,
  logarithmic,
  page,
  powersOfTen,
  rangeOf,
  text,
  tickLabel,
  vertical,
} from '../../dist/pictures/chart.js'
import { times } from './format.js'

const WIDTH = 800
const LEFT = 270
const RIGHT = 70
const BAR = 22
const PITCH = 32
const HEADING = 34
const TOP = 74
const BOTTOM = 52

const GROUPS = [
  { section: 'field', title: "The field's training target", colour: COLOURS.cyan },
  { section: 'training', title: 'A training step', colour: COLOURS.violet },
  { section: 'network', title: 'A pass of a network', colour: COLOURS.green },
]

/**
 * @param {Record<string, any>} results by section
 * @returns {string | undefined} undefined where there is nothing to compare with
 */
export function drawChart(results) {
  const groups = GROUPS.map((group) => {
    const section = results[group.section]
    return { ...group, rows: ratios(section), machine: section?.machine }
  }).filter(({ rows }) => rows.length > 0)
  if (groups.length === 0) return undefined
  const range = roundRange(groups.flatMap(({ rows }) => rows.map(({ ratio }) => ratio)))
  const x = logarithmic(range, LEFT, WIDTH - RIGHT)
  const { marks, bottom } = drawGroups(groups, x)
  return page(
    {
      width: WIDTH,
      height: bottom + BOTTOM,
      label: "Ratios of PyTorch's time to pfgm-torch's",
      title: 'How many times faster than eager PyTorch',
    },
    [
      caption('float32, NCHW, the same libtorch build on both sides; logarithmic scale'),
      ...powersOfTen(range).flatMap((tick) => drawTick(tick, x, bottom)),
      ...marks,
    ],
  )
}

function ratios(section) {
  return (section?.rows ?? []).filter((row) => row.ratio)
}

/** Sections are measured on their own, and not always on the same machine. */
function describe({ cpu, threads, instructions }) {
  return `${threads} threads of ${cpu}, ${instructions}`
}

/** From a half, or from a power of ten below the smallest ratio, to a power of ten. */
function roundRange(values) {
  const { low, high } = rangeOf(values)
  return {
    low: low > 0.5 ? 0.5 : 10 ** Math.floor(Math.log10(low)),
    high: 10 ** Math.max(1, Math.ceil(Math.log10(high))),
  }
}

function drawGroups(groups, x) {
  const marks = []
  let y = TOP
  for (const { title, colour, rows, machine } of groups) {
    marks.push(text(x(1) + 8, y + 22, describe(machine), { size: 11 }))
    marks.push(text(24, y + 22, title, { size: 13, weight: 600, fill: colour }))
    y += HEADING
    for (const row of rows) {
      marks.push(...drawBar(row, colour, y, x))
      y += PITCH
    }
  }
  return { marks, bottom: y }
}

function drawBar({ name, ratio }, colour, y, x) {
  const { low: from, high: to } = rangeOf([x(1), x(ratio)])
  const baseline = y + BAR / 2 + 4
  return [
    text(LEFT - 12, baseline, name, { size: 12, anchor: 'end' }),
    bar({ x: from, y }, to - from, BAR, colour),
    text(to + 8, baseline, times(ratio), { size: 13, weight: 600 }),
  ]
}

function drawTick(tick, x, bottom) {
  const style = tick === 1 ? { width: 1.5, stroke: FAINT } : {}
  return [
    vertical(x(tick), TOP, bottom + 6, style),
    tickLabel(x(tick), bottom + 24, tick === 1 ? '1x (PyTorch)' : `${tick}x`, 'middle'),
  ]
}
