/** What a solver is set by, and whom it is for. */
export interface SolverKind {
  /** Which setting chooses its steps. */
  readonly by: 'tolerance' | 'steps'
  /** Evaluations of the network a step. */
  readonly each: number
  /** Whether it adds noise, so that every setting comes to another sample. */
  readonly isNoisy: boolean
  /** The flows that it can follow; none: all. */
  readonly flows?: readonly string[]
}

const adaptive: SolverKind = { by: 'tolerance', each: 1, isNoisy: false }
const stepping = (each: number): SolverKind => ({ by: 'steps', each, isNoisy: false })
const noisy = (...flows: string[]): SolverKind => ({ by: 'steps', each: 1, isNoisy: true, flows })

/** All solvers of the service by their names; the first is the one that it takes by itself. */
export const SOLVER_KINDS: Readonly<Record<string, SolverKind>> = {
  'adaptive-unipc': adaptive,
  rk45: adaptive,
  tsit5: adaptive,
  bs23: adaptive,
  rk4: stepping(4),
  heun: stepping(2),
  euler: stepping(1),
  unipc: stepping(1),
  dpm2m: stepping(1),
  dpm3m: stepping(1),
  ipndm: stepping(1),
  deis: stepping(1),
  'sde-dpm2m': noisy('edm', 've', 'vp', 'subvp'),
  'euler-maruyama': noisy('ve', 'vp', 'subvp'),
  'reverse-diffusion': noisy('ve', 'vp', 'subvp'),
  'reverse-diffusion-flow': { ...noisy('ve', 'vp', 'subvp'), isNoisy: false },
  ancestral: noisy('ve', 'vp'),
}

export const USUAL_SOLVER = 'adaptive-unipc'
/** Steps along given heights, where a link or a reader names none. */
export const USUAL_STEPS = 20

/** From coarse to fine. */
export const TOLERANCES = [0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001]
export const STEPS = [2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 25, 32, 40, 50, 64, 80, 100, 150, 200]

/** The tolerance that the service takes by itself. */
export const usualTolerance = (solver: string): number => (solver === USUAL_SOLVER ? 0.005 : 0.0001)

export const kindOf = (solver: string): SolverKind => SOLVER_KINDS[solver] ?? adaptive

/** Those that can follow a flow. */
export const solversFor = (flow: string): string[] =>
  Object.entries(SOLVER_KINDS)
    .filter(([, { flows }]) => flows?.includes(flow) ?? true)
    .map(([name]) => name)

/** Settings of a request. */
export function toleranceQuery(solver: string, tolerance: number): { rtol: number; atol: number } {
  return { rtol: tolerance, atol: solver === USUAL_SOLVER ? tolerance / 2 : tolerance }
}
