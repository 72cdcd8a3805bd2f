// bench/results.json, and what is made from it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { drawChart } from './chart.js'
import { formatResults } from './tables.js'

const place = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const RESULTS = place('bench/results.json')
const CHART = place('bench/speed.svg')
const DOCUMENT = place('docs/performance.md')
const BEGIN = '<!-- figures: written by npm run bench -->'
const END = '<!-- end of figures -->'

/** What was measured before, by section. */
export function readResults() {
  try {
    return JSON.parse(readFileSync(RESULTS, 'utf8'))
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return {}
  }
}

/** Writes the results, their chart and the document's figures, and prints the tables. */
export async function writeResults(results) {
  const tables = formatResults(results)
  mkdirSync(place('bench'), { recursive: true })
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`)
  const chart = drawChart(results)
  if (chart) writeFileSync(CHART, chart)
  writeFigures(tables)
  console.log(`\n${tables}`)
}

function writeFigures(tables) {
  const text = readFileSync(DOCUMENT, 'utf8')
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (begin < 0 || end < begin)
    throw new Error(`${DOCUMENT} has no place for the figures between its comments`)
  const figures = `${BEGIN}\n\n${tables}\n\n`
  writeFileSync(DOCUMENT, text.slice(0, begin) + figures + text.slice(end))
}
