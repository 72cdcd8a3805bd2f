import type { RunSummary } from '../../watch/answers.js'

/** Most runs that are shown where none was chosen. */
const MOST = 4

/** The names of the runs that were chosen, as the page's address has them; undefined where it has none. */
export function chosenInAddress(): ReadonlySet<string> | undefined {
  const given = new URLSearchParams(location.hash.slice(1))
  return given.has('run') ? new Set(given.getAll('run').filter((name) => name !== '')) : undefined
}

export function keepInAddress(names: ReadonlySet<string>): void {
  const kept = names.size > 0 ? [...names] : ['']
  history.replaceState(null, '', `#${new URLSearchParams(kept.map((name) => ['run', name]))}`)
}

/** Where none was chosen: those that are trained, else the first ones. */
export function usual(runs: readonly RunSummary[]): ReadonlySet<string> {
  const trained = runs.filter(({ state }) => state === 'training')
  return new Set((trained.length > 0 ? trained : runs).slice(0, MOST).map(({ name }) => name))
}
