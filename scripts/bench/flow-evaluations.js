// node scripts/bench/flow-evaluations.js MODEL...: how many evaluations a sample each model's flow needs until the mean
// error of a pixel is one grey level, by the default solver, by the best method along fixed heights, and by RK45 with a
// step of each sample's own. Errors are those of `pfgm-torch solvers`; between its points, and they are dense here, they
// are read off as straight lines of the logarithms. Prints a table.
import { basename } from 'node:path'
import { compareSolvers, PoissonFlow } from '../../dist/index.js'

const GREY_LEVEL = 1 / 255
const COUNT = 64
const EVALUATIONS = [8, 10, 12, 14, 16, 18, 20, 23, 26, 30, 35, 41, 50, 70]
const SOLVERS = ['adaptive-unipc', 'rk45', 'heun', 'dpm2m', 'dpm3m', 'unipc', 'ipndm', 'deis']

/** Where the error of a solver's points falls below a grey level for good; infinite if it never does. */
function evaluationsOf(points) {
  const sorted = points.toSorted((a, b) => b.evaluations - a.evaluations)
  const above = sorted.findIndex(({ mean }) => !(mean <= GREY_LEVEL))
  if (above === 0) return Infinity
  if (above === -1) return sorted.at(-1).evaluations
  const [fine, coarse] = [sorted[above - 1], sorted[above]]
  if (!Number.isFinite(coarse.mean)) return fine.evaluations
  const share = Math.log(GREY_LEVEL / fine.mean) / Math.log(coarse.mean / fine.mean)
  return Math.exp(
    Math.log(fine.evaluations) + share * (Math.log(coarse.evaluations) - Math.log(fine.evaluations)),
  )
}

console.log('| model | adaptive-unipc | best fixed heights | Heun | RK45 |')
console.log('| --- | ---: | --- | ---: | ---: |')
for (const path of process.argv.slice(2)) {
  const model = await PoissonFlow.load(path)
  const options = { count: COUNT, seed: 1000, solvers: SOLVERS, evaluations: EVALUATIONS }
  const { points } = await compareSolvers(model, options)
  const needed = [...new Set(points.map(({ solver }) => solver))]
    .map((solver) => ({
      solver,
      evaluations: evaluationsOf(points.filter((point) => point.solver === solver)),
    }))
    .toSorted((a, b) => a.evaluations - b.evaluations)
  const best = (belongs) => needed.find(({ solver }) => belongs(solver))
  const number = ({ evaluations }) => (Number.isFinite(evaluations) ? evaluations.toFixed(1) : 'more than 70')
  const fixed = best((solver) => !/^(adaptive|rk45)/.test(solver))
  const [adaptive, heun, rk45] = ['adaptive', 'heun', 'rk45'].map((name) =>
    best((solver) => solver.startsWith(name)),
  )
  const cells = [number(adaptive), `${number(fixed)}, ${fixed.solver}`, number(heun), number(rk45)]
  console.log(`| ${basename(path)} | ${cells.join(' | ')} |`)
  model.dispose()
}
