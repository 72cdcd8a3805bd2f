/** HTML that is safe to put together. */

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

export function paragraph(text: string): string {
  return `<p>${escaped(text)}</p>`
}

export interface Table {
  /** What it is, above it. */
  readonly caption: string
  readonly head: readonly string[]
  /** The first cell of a row names it. */
  readonly rows: readonly (readonly string[])[]
}

/** A table that scrolls by itself where it is wider than the page, by keyboard too. */
export function table({ caption, head, rows }: Table): string {
  const cells = (row: readonly string[]) =>
    row
      .map((cell, i) =>
        i === 0 ? `<th scope="row">${escaped(cell)}</th>` : `<td${classOf(cell)}>${escaped(cell)}</td>`,
      )
      .join('')
  const columns = head.map((cell) => `<th scope="col">${escaped(cell)}</th>`).join('')
  return [
    `<div class="wide" role="region" aria-label="${escaped(caption)}" tabindex="0">`,
    `<table><caption>${escaped(caption)}</caption>`,
    `<thead><tr>${columns}</tr></thead>`,
    `<tbody>${rows.map((row) => `<tr>${cells(row)}</tr>`).join('\n')}</tbody>`,
    '</table></div>',
  ].join('\n')
}

/** Sentences need more room than this on the narrowest screen. */
const LONG = 40

/** Numbers stand to the right, sentences have room. */
function classOf(cell: string): string {
  if (cell.length > LONG) return ' class="words"'
  return /^[-−<]?[\d.,]+( ?(ms|s|×|±.*|\(.*))?$/.test(cell) || cell === '–' ? ' class="number"' : ''
}

/** What is there for those who want all of it. */
export function details(summary: string, content: string): string {
  return `<details><summary>${escaped(summary)}</summary>\n${content}\n</details>`
}
