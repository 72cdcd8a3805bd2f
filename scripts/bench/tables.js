// The results as Markdown tables.
import { bytes, duration, significant, times } from './format.js'

/** @param {Record<string, any>} results by section */
export function formatResults(results) {
  const sections = Object.entries(FORMATS).filter(([name]) => results[name])
  return sections
    .map(([name, format]) => `${format(results[name])}\n\n${provenance(results[name])}`)
    .join('\n\n')
}

const FORMATS = {
  field: formatField,
  network: formatNetwork,
  training: formatTraining,
  sampling: formatSampling,
  scaling: formatScaling,
  start: formatStart,
  'event-loop': formatLoop,
  service: formatService,
}

function formatField({ rows, forms }) {
  const head = [
    'Sources x queries',
    'ours',
    'PyTorch',
    'ratio',
    'our error',
    'PyTorch error',
    'our memory',
    'PyTorch memory',
  ]
  const body = rows.map((row) => [
    row.name,
    duration(row.ours?.median),
    scaled(duration(row.theirs?.median), row),
    ratio(row),
    row.errors ? row.errors.ours.toExponential(1) : '-',
    row.errors ? row.errors.theirs.toExponential(1) : '-',
    bytes(row.extraBytes.ours),
    scaled(bytes(row.extraBytes.theirs), row),
  ])
  const few = rows.filter((row) => row.theirs && row.theirQueries < row.queries)
  const notes = new Set(
    few.map(
      ({ sources, theirQueries }) => `${theirQueries} queries of ${sources.toLocaleString('en')} sources`,
    ),
  )
  const note =
    notes.size > 0
      ? `\n\n\\* Measured on a part at a time, ${[...notes].join(' and ')}. The time is scaled to all queries; error and memory are of those few.`
      : ''
  return `**The field's training target**\n\n${table(head, body)}${note}${formatForms(forms)}`
}

/** Times by products and by differences, the shorter in bold. */
function formatForms(forms) {
  if (!forms) return ''
  const queries = [...new Set(forms.map((row) => row.queries))]
  const lengths = [...new Set(forms.map((row) => row.dimensions))]
  const cell = ({ product, differences }) =>
    [product, differences]
      .map((seconds) =>
        seconds <= Math.min(product, differences) ? `**${duration(seconds)}**` : duration(seconds),
      )
      .join(' / ')
  const body = lengths.map((n) => [
    `N = ${n.toLocaleString('en')}`,
    ...queries.map((q) => cell(forms.find((row) => row.dimensions === n && row.queries === q))),
  ])
  const head = ['2,048 sources x', ...queries.map((q) => `${q} ${q === 1 ? 'query' : 'queries'}`)]
  return `\n\n**By products / by differences**\n\n${table(head, body)}`
}

function scaled(text, row) {
  return row.theirs && row.theirQueries < row.queries ? `${text} \\*` : text
}

/** Engines that the machine cannot run have a column without figures. */
function formatNetwork({ rows, engines, versions, rate }) {
  const own = ['ours', 'ours bf16', 'its error']
  const compared = ['f32: to eager', 'to the best', 'bf16: to eager f32', 'to the best bf16']
  const head = ['Network, images', ...own, ...engines, ...compared, 'at the rate of products']
  const body = rows.map(({ name, ours, rounded, error, theirs, multiplications }) => {
    const best = (kind) => {
      const names = engines.filter((engine) => engine.endsWith(' bf16') === (kind === 'bf16'))
      return least(names.map((engine) => theirs[engine]?.median))
    }
    const eager = theirs.eager?.median
    return [
      name,
      duration(ours.median),
      duration(rounded?.median),
      error === undefined ? '-' : error.toFixed(4),
      ...engines.map((engine) => duration(theirs[engine]?.median)),
      asMany(eager, ours),
      asMany(best('f32'), ours),
      asMany(eager, rounded),
      asMany(best('bf16'), rounded),
      duration(rate && (2 * multiplications) / rate),
    ]
  })
  const { onnxruntime, openvino, ncnn } = versions
  const note =
    'The last column: what the multiplications as they are written take at the rate of a large float32 product ' +
    `(${rate ? Math.round(rate / 1e9) : '-'} GFLOP/s). ONNX Runtime ${onnxruntime ?? '-'}, OpenVINO ${openvino ?? '-'}, ncnn ${ncnn ?? '-'} (an image at a time).`
  return `**Passes of networks**\n\n${table(head, body)}\n\n${note}${formatPassMemory(rows)}`
}

function formatPassMemory(rows) {
  const measured = rows.filter(({ memory }) => memory)
  if (measured.length === 0) return ''
  const names = [...new Set(measured.flatMap(({ memory }) => Object.keys(memory)))]
  const body = measured.map(({ name, memory }) => [name, ...names.map((each) => bytes(memory[each]))])
  const title = 'Memory of a first pass beyond the network, what is kept for the next ones among it'
  return `\n\n**${title}**\n\n${table(['Network, images', ...names], body)}`
}

function formatTraining({ rows }) {
  const head = [
    'Step',
    'ours',
    'ours bf16',
    'eager',
    'compile',
    'to eager',
    'to the best',
    'bf16: to eager',
    'our field',
    'our batch beside it',
    'eager field',
    'eager batch beside it',
  ]
  const body = rows.map((row) => {
    const { name, ours, rounded, theirs, compiled } = row
    const parts = ({ median } = {}, part) =>
      part ? [share(part.field, median), share(part.batch - part.field, median)] : ['-', '-']
    return [
      name,
      ...[ours, rounded, theirs, compiled].map((each) => duration(each?.median)),
      asMany(theirs?.median, ours),
      asMany(least([theirs?.median, compiled?.median]), ours),
      asMany(theirs?.median, rounded),
      ...parts(ours, row.parts.ours),
      ...parts(theirs, row.parts.theirs),
    ]
  })
  return `**A training step**\n\n${table(head, body)}${formatStepMemory(rows)}`
}

function formatStepMemory(rows) {
  const measured = rows.filter(({ memory }) => memory)
  if (measured.length === 0) return ''
  const head = ['Step', 'ours', 'ours, `--checkpoint-activations`', 'eager']
  const body = measured.map(({ name, memory: { ours, recomputed, theirs } }) => [
    name,
    ...[ours, recomputed, theirs].map(bytes),
  ])
  const title = "Memory of a first step beyond weights and data, gradients and the optimiser's among it"
  return `\n\n**${title}**\n\n${table(head, body)}`
}

function formatSampling({ one, published, draws, sameError }) {
  const drawn = draws.map(({ count, batchTolerance, nfe, seconds }) => [
    String(count),
    batchTolerance === 'joint' ? 'joint' : 'a sample',
    nfe.toFixed(1),
    duration(seconds.median),
  ])
  const drawHead = ['Samples', 'steps', 'evaluations a sample', 'time']
  const single = one
    ? `One digit at a time, by the default solver: ${one.rate.toFixed(0)} images a second.\n\n`
    : ''
  const drawnTable = `**Samples of the digits model, rk45 at 1e-4**\n\n${table(drawHead, drawn)}`
  return `${formatPublished(published)}${single}${drawnTable}${formatSameError(sameError)}`
}

/** The default solver against the published sampler. */
function formatPublished(found) {
  if (!found) return ''
  const { count, ours, published, loosened } = found
  const line = (name, { evaluations, error }, seconds, factor) => [
    name,
    evaluations.toFixed(1),
    error.toExponential(1),
    duration(seconds),
    `${(count / seconds).toFixed(0)}`,
    factor === undefined ? '' : ratio({ ratio: factor }),
  ]
  const rk45 = (run) => `scipy's RK45 at ${run.tolerance.toExponential(0)}, eager PyTorch`
  const body = [
    line('the default solver here', ours, published.ours.median),
    line(rk45(published), published, published.theirs.median, published.ratio),
    line(rk45(loosened), loosened, loosened.theirs.median, loosened.ratio),
  ]
  const head = ['Sampler', 'evaluations', 'mean error', 'time', 'images a second', 'as long']
  return `**${count} digits from the same starts, the published sampler beside the default**\n\n${table(head, body)}\n\n`
}

function formatScaling({ rows, exponents }) {
  const sizes = [...new Set(rows.map(({ size }) => size))]
  const batches = [...new Set(rows.map(({ batch }) => batch))]
  const power = (list, name, value) => list.find((entry) => entry[name] === value)?.exponent.toFixed(2) ?? '-'
  const cell = ({ one, two } = {}) => (one ? `${duration(one.median)} / ${duration(two.median)}` : '-')
  const body = sizes.map((size) => [
    `${size} x ${size}`,
    ...batches.map((batch) => cell(rows.find((row) => row.size === size && row.batch === batch))),
    power(exponents.images, 'size', size),
  ])
  const last = ['power of the pixels', ...batches.map((batch) => power(exponents.pixels, 'batch', batch)), '']
  const head = ['Images', ...batches.map(String), 'power of their number']
  return `**A pass by images, their size and threads: one / two threads**\n\n${table(head, [...body, last])}`
}

function formatStart({ firstImage, importTorch, synchronous, queued }) {
  const body = [
    ['`node` to the first digit', duration(firstImage.median)],
    ['`import torch` alone', duration(importTorch?.median)],
    ['a call into native code, answered at once', duration(synchronous)],
    ['one that goes to a device and back', duration(queued)],
  ]
  return `**From the start, and a call**\n\n${table(['', 'time'], body)}`
}

function formatSameError(runs) {
  if (!runs) return ''
  const body = runs.map(({ batchTolerance, tolerance, error, rows, seconds }) => [
    batchTolerance === 'joint' ? 'joint' : 'a sample',
    tolerance.toExponential(1),
    error.toExponential(1),
    rows.toLocaleString('en'),
    duration(seconds.median),
  ])
  const head = ['Steps', 'tolerance', 'mean error', 'rows of the network', 'time']
  return `\n\n**64 digits at the same error, by rk45**\n\n${table(head, body)}`
}

function formatLoop({ rows }) {
  const head = ['While', 'for', 'loop p50', 'p99', 'max', 'timer late p50', 'p99', 'max']
  const body = rows.map(({ name, seconds, loop, lateness }) => [
    name,
    duration(seconds),
    ...[loop.p50, loop.p99, loop.max, lateness.p50, lateness.p99, lateness.max].map(
      (ms) => `${ms.toFixed(2)} ms`,
    ),
  ])
  return `**The event loop**\n\n${table(head, body)}`
}

function formatService({ rows }) {
  const head = [
    'Service of digits',
    'images a second',
    'rows a second',
    'of batches',
    'p50',
    'p99',
    'queued p99',
    'loop p99',
  ]
  const ms = (value) => (value === undefined ? '-' : `${value.toFixed(1)} ms`)
  const body = rows.map(({ name, images, rate, share, p50, p99, queuedP99, loop }) => [
    name,
    images.toFixed(0),
    String(Math.round(rate)),
    share === undefined ? '-' : `${Math.round(100 * share)} %`,
    ...[p50, p99, queuedP99, loop].map(ms),
  ])
  return `**A service over HTTP**\n\n${table(head, body)}`
}

/** What was measured on and with; a busy machine is named, as its figures are not to be believed. */
function provenance({ date, quick, machine }) {
  const { cpu, cores, memoryGiB, instructions, fieldKernel, threads, libtorch, pytorch, node } = machine
  const parts = [
    `${quick ? 'Quick run of ' : ''}${date}: ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${instructions}, field kernel ${fieldKernel}`,
    `${threads} threads`,
    `libtorch ${libtorch}${pytorch ? `, PyTorch ${pytorch}` : ''}, Node.js ${node}`,
  ]
  if (machine.busyBefore > 0.1)
    parts.push(`**${Math.round(100 * machine.busyBefore)} % busy with other programs**`)
  return `<sub>${parts.join('; ')}</sub>`
}

function table(head, body) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const align = head.map((_, i) => (i === 0 ? '---' : '---:'))
  return [head, align, ...body].map(line).join('\n')
}

/** @param {number | undefined} theirs seconds @param {{ median: number } | undefined} ours */
function asMany(theirs, ours) {
  return ratio({ ratio: theirs && ours && theirs / ours.median })
}

function least(values) {
  const known = values.filter((each) => each !== undefined)
  return known.length > 0 ? Math.min(...known) : undefined
}

function ratio({ ratio: value }) {
  return value === undefined ? '-' : `**${times(value)}**`
}

function share(part, whole) {
  return `${significant((100 * part) / whole)} %`
}
