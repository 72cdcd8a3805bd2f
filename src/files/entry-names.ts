/** Letters of a name that a message shows. */
const LONGEST_SHOWN = 120

/** An archive and one of its entries, for messages: `photos.tar (cats/1.png, byte 1536)`. */
export function titleOf(path: string, entry: string, offset?: number): string {
  return `${path} (${shown(entry)}${offset === undefined ? '' : `, byte ${offset}`})`
}

/** A name on one line, whatever an archive calls its entries. */
function shown(name: string): string {
  const line = name.replaceAll(
    /\p{Cc}/gu,
    (letter) => `\\x${letter.codePointAt(0)!.toString(16).padStart(2, '0')}`,
  )
  return line.length <= LONGEST_SHOWN ? line : `${line.slice(0, LONGEST_SHOWN)}…`
}

/** Whether a name leads out of the folder that an archive would be unpacked to. */
export function climbsOut(name: string): boolean {
  return /^(?:[/\\]|[A-Za-z]:)/.test(name) || name.split(/[/\\]/).includes('..')
}
