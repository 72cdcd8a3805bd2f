/** Results go to stdout; progress, hints, warnings and errors to stderr. */

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value))
}

export function printHint(text: string): void {
  hideBar()
  process.stderr.write(`${text}\n`)
}

export function printWarning(text: string): void {
  printHint(`warning: ${text}`)
}

/** Removes the progress bar that is on the screen; its next update brings it back, below what was printed. */
let hideBar = (): void => {}

export function setBar(hide: () => void): void {
  hideBar = hide
}
