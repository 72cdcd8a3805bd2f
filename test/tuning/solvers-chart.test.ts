import { expect, it } from 'vitest'
import { type ComparisonPoint, type SolverComparison, solversChart } from '../../src/index.js'

const REFERENCE = { solver: 'rk45', rtol: 1e-7, atol: 1e-7 } as const

function point(solver: string, evaluations: number, mean: number): ComparisonPoint {
  const [name] = solver.split(' ')
  const settings = { ...REFERENCE, solver: name } as ComparisonPoint['settings']
  const figures = { mean, median: mean, percentile90: mean, percentile99: mean, standardError: 0 }
  return { solver, settings, evaluations, ...figures, energyDistance: 0.01 + mean }
}

function comparison(more: Partial<SolverComparison> = {}): SolverComparison {
  const points = [
    point('euler karras', 10, 0.1),
    point('euler karras', 20, 0.05),
    point('euler uniform', 10, 0.2),
    point('dpm3m karras', 5, 40),
  ]
  return { count: 2, seed: '0', reference: REFERENCE, points, solvers: [], ...more }
}

const count = (svg: string, mark: RegExp) => svg.match(mark)?.length ?? 0

it('draws a line a solver in the colour of its method, and leaves out what broke down', () => {
  const svg = solversChart(comparison(), 'Solvers')
  expect(count(svg, /<polyline/g)).toBe(2)
  expect(count(svg, /<circle/g)).toBe(3)
  expect(new Set(svg.match(/(?<=<polyline .*stroke=")[^"]+/g)).size).toBe(1)
  expect(svg).toContain('>euler uniform</text>')
  expect(svg).not.toContain('dpm3m')
})

it('has energy distances in a panel of their own where they were measured', () => {
  const svg = solversChart(comparison({ energyDistance: 0.01 }), 'Solvers')
  expect(count(svg, /<polyline/g)).toBe(4)
  expect(svg).toContain('>converged</text>')
})

it('draws a comparison without points', () => {
  expect(solversChart(comparison({ points: [], energyDistance: 0.01 }), 'Solvers')).not.toMatch(
    /NaN|Infinity/,
  )
})
