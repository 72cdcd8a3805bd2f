// The packages of node_modules that building, using and testing the library need, and no others.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** Beside the dependencies. TypeScript is not among them: dist/ goes along, and the tests' is taken off by vitest. */
const FOR_TESTS = ['vitest', 'fast-check']

/**
 * @param {string} root folder of the package
 * @returns {string[]} folders below root, such as node_modules/zod
 */
export function neededModules(root) {
  const { dependencies } = readPackage(root)
  const found = new Set()
  const add = (name, from, optional) => {
    const folder = findModule(name, from, root)
    if (!folder && !optional)
      throw new Error(`${name} is not installed, and ${from} needs it: run \`npm ci\``)
    if (!folder || found.has(folder)) return
    found.add(folder)
    const of = readPackage(folder)
    for (const each of Object.keys(of.dependencies ?? {}))
      add(each, folder, each in (of.optionalDependencies ?? {}))
    for (const each of Object.keys(of.optionalDependencies ?? {})) add(each, folder, true)
  }
  for (const name of [...Object.keys(dependencies), ...FOR_TESTS]) add(name, root, false)
  return [...found].map((folder) => relative(root, folder)).sort()
}

/** As Node.js finds it: in the node_modules of the folder itself, then of those above it. */
function findModule(name, from, root) {
  const folder = join(from, 'node_modules', name)
  if (existsSync(join(folder, 'package.json'))) return folder
  return from === root ? undefined : findModule(name, dirname(from), root)
}

function readPackage(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}
