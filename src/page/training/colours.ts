/** How many colours the style has for runs: `--run-0` and so on. */
const COLOURS = 8
const KEY = 'pfgm-torch-run-colours'

/** The colours of runs by their names, which stay with them. */
const kept: Record<string, number> = read()

/** The name of a run's colour in the style: one that few others have, and then always that. */
export function colourOf(run: string): string {
  if (kept[run] === undefined) {
    const uses = Array.from(
      { length: COLOURS },
      (_, i) => Object.values(kept).filter((each) => each === i).length,
    )
    kept[run] = uses.indexOf(Math.min(...uses))
    write()
  }
  return `run-${kept[run]}`
}

function read(): Record<string, number> {
  try {
    const known = Object.entries(JSON.parse(localStorage.getItem(KEY) ?? '{}'))
    return Object.fromEntries(
      known.filter(
        (entry): entry is [string, number] => Number.isInteger(entry[1]) && Number(entry[1]) < COLOURS,
      ),
    )
  } catch {
    return {}
  }
}

/** Where a browser keeps nothing, they stay as long as the page. */
function write(): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(kept))
  } catch {}
}
