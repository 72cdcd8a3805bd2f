import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { solverByName } from '../../src/ode/solver.js'
import {
  CONTROLLERS,
  ODE_SOLVERS,
  SOLVERS,
  type SolverSettings,
  solverOptions,
} from '../../src/ode/solver-options.js'

/** What each setting is changed to, where it is for a solver. */
const OTHER: SolverSettings = { rtol: 0.02, atol: 0.01, steps: 7, rho: 3, schedule: 'karras', order: 1 }

const built = (settings: SolverSettings) => JSON.stringify(solverByName(solverOptions(settings), 40, 1e-3))

/** Whether its heights are Karras' where nothing else is said. */
const isKarras = ({ solver = 'rk45' }: SolverSettings) => /^(dpm|unipc|ipndm|deis|sde)/.test(solver)

describe('settings of a solver', () => {
  it('change it, or are refused by name: none is passed over', () => {
    const name = fc.constantFrom(...(Object.keys(OTHER) as (keyof SolverSettings)[]))
    const controller = fc.constantFrom(undefined, ...CONTROLLERS)
    fc.assert(
      fc.property(fc.constantFrom(...SOLVERS), controller, name, (solver, control, setting) => {
        const usual: SolverSettings = { solver, ...(control && { controller: control }) }
        const without = outcome(() => built(usual))
        if ('error' in without) return
        // rho is of the karras schedule, which some solvers have to be asked for.
        const base: SolverSettings =
          setting === 'rho' && 'value' in outcome(() => built({ ...usual, schedule: 'karras' }))
            ? { ...usual, schedule: 'karras' }
            : usual
        const other = setting === 'schedule' && isKarras(base) ? 'uniform' : OTHER[setting]
        const changed = outcome(() => built({ ...base, [setting]: other }))
        if ('error' in changed) {
          const refusal = `Expected no ${setting} for the solver ${solver} (it is for `
          expect(changed.error.startsWith(refusal)).toBe(true)
        } else {
          expect(changed.value).not.toBe(built(base))
        }
      }),
      { numRuns: 400 },
    )
  })

  it('that only given heights have ask for a solver along them', () => {
    expect(solverOptions({}).solver).toBe('adaptive-unipc')
    expect(solverOptions({ rtol: 0.1, order: 2 }).solver).toBe('adaptive-unipc')
    for (const settings of [{ steps: 9 }, { rho: 5 }, { schedule: 'uniform' }] as const) {
      expect(solverOptions(settings)).toMatchObject({ solver: 'unipc', ...settings })
    }
    expect(solverOptions({ controller: 'constant', steps: 9 }).solver).toBe('rk45')
    expect(() => solverOptions({ steps: 9, rtol: 0.1 })).toThrow('Expected no rtol for the solver unipc')
  })

  it('are taken by every solver that the error names', () => {
    const refusal = outcome(() => built({ solver: 'adaptive-unipc', steps: 9 }))
    for (const solver of ODE_SOLVERS) {
      const takes = 'value' in outcome(() => built({ solver, steps: 9 }))
      if (takes) expect(refusal).toMatchObject({ error: expect.stringContaining(solver) })
    }
  })
})

function outcome(make: () => string): { value: string } | { error: string } {
  try {
    return { value: make() }
  } catch (error) {
    return { error: (error as Error).message }
  }
}
