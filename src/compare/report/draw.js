// The report's script: draws its charts with uPlot, in the colours that the page has now, and again when those change.
const { uPlot } = window
const HEIGHT = 340
const PRINT_WIDTH = 660
const drawn = new Map()

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

function label(value) {
  if (value === null) return ''
  return value >= 0.001 && value < 1e5 ? String(Number(value.toPrecision(3))) : value.toExponential(0)
}

/** Round values on a logarithmic axis: powers of ten, where those are few 2 and 5 times them, else all. */
function ticks(least, most) {
  const first = Math.floor(Math.log10(least))
  const last = Math.ceil(Math.log10(most))
  const decades = Array.from({ length: last - first + 1 }, (_, i) => Number(`1e${first + i}`))
  const at = (...digits) =>
    decades.flatMap((power) => digits.map((digit) => digit * power)).filter((x) => x >= least && x <= most)
  const powers = at(1)
  if (powers.length > 3) return powers
  const some = at(1, 2, 5)
  return some.length > 1 ? some : at(1, 2, 3, 4, 5, 6, 7, 8, 9)
}

function axis(name, size) {
  const stroke = colour('ink')
  const line = { stroke: colour('line'), width: 1 }
  const font = '12px system-ui, sans-serif'
  return {
    ...{ label: name, labelFont: font, font, stroke, grid: line, ticks: line, size },
    splits: (_chart, _axis, least, most) => ticks(least, most),
    filter: (_, splits) => splits,
    values: (_, splits) => splits.map(label),
  }
}

/** An axis from a little before the least to a little after the largest. */
function near(factor) {
  return (_, least, most) => [least / factor, most * factor]
}

function seriesOf({ name, colour: own, dashes }) {
  const stroke = colour(own)
  return {
    ...{ label: name, stroke, width: 2, dash: dashes, spanGaps: true },
    points: { show: true, size: 7, stroke, fill: stroke },
  }
}

/** The nearest point to the cursor, in words. */
function readOut(chart, lines, output) {
  const { left, top } = chart.cursor
  let nearest = { far: 30 }
  for (const { name, points } of lines) {
    for (const [x, y] of points) {
      const far = Math.hypot(chart.valToPos(x, 'x') - left, chart.valToPos(y, 'y') - top)
      if (far < nearest.far) nearest = { far, text: `${name}: ${label(x)}, ${label(y)}` }
    }
  }
  output.textContent = nearest.text ?? ''
}

function draw(box, width) {
  const { x, y, lines, level } = JSON.parse(box.nextElementSibling.textContent)
  const all = lines.flatMap(({ points }) => points.map(([at]) => at))
  const ends = [Math.min(...all), Math.max(...all)]
  const tables = lines.map(({ points }) => [points.map(([at]) => at), points.map(([, value]) => value)])
  const levels = level ? [[ends, ends.map(() => level.value)]] : []
  const ofLevel = { stroke: colour('faint'), width: 1, dash: [2, 4], spanGaps: true, points: { show: false } }
  const output = document.createElement('div')
  output.className = 'readout'
  drawn.get(box)?.destroy()
  box.replaceChildren()
  const chart = new uPlot(
    {
      ...{ width, height: HEIGHT, legend: { show: false }, cursor: { drag: { x: false, y: false } } },
      scales: { x: { time: false, distr: 3, range: near(1.15) }, y: { distr: 3, range: near(1.4) } },
      axes: [axis(x, 44), axis(y, 64)],
      series: [{}, ...lines.map(seriesOf), ...levels.map(() => ofLevel)],
      hooks: { setCursor: [(own) => readOut(own, lines, output)] },
    },
    uPlot.join([...tables, ...levels]),
    box,
  )
  box.append(output)
  drawn.set(box, chart)
}

function drawAll(width) {
  for (const box of document.querySelectorAll('.chart')) draw(box, width ?? box.clientWidth)
}

/** On paper everything is light and open. */
function print(isOn) {
  document.documentElement.toggleAttribute('data-print', isOn)
  for (const part of document.querySelectorAll('details')) part.open = isOn
  drawAll(isOn ? PRINT_WIDTH : undefined)
}

drawAll()
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => drawAll())
addEventListener('resize', () => drawAll())
addEventListener('beforeprint', () => print(true))
addEventListener('afterprint', () => print(false))
