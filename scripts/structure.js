// Checks the house: no circle of imports (types count), none that goes up or to a neighbour, no file that is too long.
// Draws it into docs/architecture.md with --write; the check fails where the drawing is not what the imports say.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('..', import.meta.url))
const PAGE = join(root, 'docs', 'architecture.md')
const LONGEST = 400

/** The rooms from the ground up. A room may import those on floors below; those beside each other do not know each other. */
const HOUSES = [
  {
    folder: 'src',
    files: /\.tsx?$/,
    importsOf: typescriptImports,
    floors: [
      ['check.ts', 'errors.ts'],
      ['arguments'],
      ['files'],
      ['native'],
      ['tensor'],
      ['nn'],
      ['flow'],
      ['ode'],
      ['data', 'metrics', 'pictures', 'checkpoint'],
      ['model'],
      ['tuning', 'train'],
      ['poisson-flow.ts'],
      ['compare', 'sampler'],
      ['server'],
      ['watch'],
      // For browsers, and bundled by itself: of the library it imports types of answers alone.
      ['page'],
      ['index.ts'],
      ['cli'],
    ],
  },
  {
    folder: 'native',
    files: /\.(cpp|cu|h)$/,
    importsOf: includes,
    floors: [
      ['opener', 'runtime'],
      ['random', 'plan'],
      ['io', 'data'],
      ['cuda'],
      ['field'],
      ['nn'],
      ['flow'],
      ['ode'],
      ['train', 'metrics'],
      ['binding'],
    ],
  },
]

/**
 * @param {string} file
 * @param {string} text
 * @returns {string[]} files of the house, those of which only types are imported too
 */
function typescriptImports(file, text) {
  return ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(file), name)))
    .flatMap((name) => [name.replace(/\.js$/, '.ts'), name.replace(/\.js$/, '.tsx')])
}

/**
 * @param {string} _file
 * @param {string} text
 */
function includes(_file, text) {
  return [...text.matchAll(/^#include "([^"]+)"/gm)].map(([, name = '']) => name)
}

/** @param {typeof HOUSES[number]} house */
function graphOf({ folder, files, importsOf }) {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((name) =>
    files.test(name),
  )
  const known = new Set(names)
  return new Map(
    names.sort().map((name) => {
      const text = readFileSync(join(root, folder, name), 'utf8')
      return [name, importsOf(name, text).filter((target) => known.has(target))]
    }),
  )
}

const roomOf = (/** @type {string} */ file) => file.split('/')[0] ?? file

/**
 * @param {Map<string, string[]>} graph
 * @param {string[][]} floors
 * @returns {string[]} imports that do not lead down
 */
function upward(graph, floors) {
  const floorOf = (/** @type {string} */ file) => floors.findIndex((rooms) => rooms.includes(roomOf(file)))
  return [...graph].flatMap(([file, targets]) => {
    if (floorOf(file) < 0) return [`${file} is in no room of scripts/structure.js`]
    return targets
      .filter((target) => roomOf(target) !== roomOf(file) && floorOf(target) >= floorOf(file))
      .map((target) => `${file} imports ${target}, which is not below it`)
  })
}

/**
 * @param {Map<string, string[]>} graph
 * @returns {string[]} a line for each circle that a walk meets
 */
function circles(graph) {
  /** @type {string[]} */
  const found = []
  const done = new Set()
  /** @type {string[]} */
  const way = []
  const visit = (/** @type {string} */ file) => {
    if (done.has(file)) return
    const at = way.indexOf(file)
    if (at >= 0) {
      found.push(`a circle: ${[...way.slice(at), file].join(' -> ')}`)
      return
    }
    way.push(file)
    for (const target of graph.get(file) ?? []) visit(target)
    way.pop()
    done.add(file)
  }
  for (const file of graph.keys()) visit(file)
  return found
}

/** @param {string[]} folders */
function longFiles(folders) {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(tsx?|js|css|cpp|cu|h)$/.test(name))
      .map((name) => ({ name: join(folder, name), lines: lineCount(join(root, folder, name)) }))
      .filter(({ lines }) => lines > LONGEST)
      .map(({ name, lines }) => `${name} has ${lines} lines, more than ${LONGEST}`),
  )
}

const lineCount = (/** @type {string} */ path) => readFileSync(path, 'utf8').split('\n').length - 1

/**
 * The rooms and their imports; an arrow is left out where others lead the same way.
 * @param {Map<string, string[]>} graph
 * @param {string[][]} floors
 */
function drawing(graph, floors) {
  const rooms = floors.flat().filter((room) => [...graph.keys()].some((file) => roomOf(file) === room))
  const below = new Map(rooms.map((room) => [room, new Set()]))
  for (const [file, targets] of graph) {
    for (const target of targets) {
      if (roomOf(target) !== roomOf(file)) below.get(roomOf(file))?.add(roomOf(target))
    }
  }
  // Along imports that lead down, of which there is no circle.
  const floorOf = (/** @type {string} */ room) => floors.findIndex((floor) => floor.includes(room))
  const reaches = (/** @type {string} */ from, /** @type {string} */ to) =>
    [...(below.get(from) ?? [])].some(
      (next) => next === to || (floorOf(next) < floorOf(from) && reaches(next, to)),
    )
  const arrows = rooms.flatMap((room) =>
    [...(below.get(room) ?? [])]
      .filter((to) => ![...(below.get(room) ?? [])].some((other) => other !== to && reaches(other, to)))
      .map((to) => `  ${id(room)} --> ${id(to)}`),
  )
  const names = rooms.map((room) => `  ${id(room)}["${room}"]`)
  return ['```mermaid', 'flowchart TD', ...names.reverse(), ...arrows.sort(), '```'].join('\n')
}

const id = (/** @type {string} */ room) => room.replace(/\W/g, '_')

/** @param {string} page */
function withDrawings(page) {
  let drawn = page
  for (const house of HOUSES) {
    const [begin, end] = [`<!-- imports of ${house.folder}/ -->`, `<!-- end of ${house.folder}/ -->`]
    const [from, to] = [drawn.indexOf(begin), drawn.indexOf(end)]
    if (from < 0 || to < from) throw new Error(`docs/architecture.md has no place for ${begin}`)
    const picture = drawing(graphOf(house), house.floors)
    drawn = `${drawn.slice(0, from + begin.length)}\n${picture}\n${drawn.slice(to)}`
  }
  return drawn
}

const page = readFileSync(PAGE, 'utf8')
const drawn = withDrawings(page)
if (process.argv.includes('--write')) writeFileSync(PAGE, drawn)
const faults = [
  ...HOUSES.flatMap((house) => {
    const graph = graphOf(house)
    return [...circles(graph), ...upward(graph, house.floors)].map((fault) => `${house.folder}/: ${fault}`)
  }),
  ...longFiles(['src', 'native', 'scripts', 'test', 'bin', 'examples']),
  ...(process.argv.includes('--write') || page === drawn
    ? []
    : ['docs/architecture.md draws other imports: run node scripts/structure.js --write']),
]
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exitCode = 1
