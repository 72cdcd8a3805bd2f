import { escaped, paragraph } from './html.js'

/** How a claim fared here. */
export type Verdict = 'borne out' | 'in part' | 'not borne out' | 'not measured'

const CLASSES: Readonly<Record<Verdict, string>> = {
  'borne out': 'good',
  'in part': 'middling',
  'not borne out': 'bad',
  'not measured': 'middling',
}

/** A claim of a paper, and what was measured here. */
export interface Section {
  readonly id: string
  readonly title: string
  /** What the paper says, in other words, and where. */
  readonly claim: string
  readonly source: string
  /** How it was measured. */
  readonly rule: readonly string[]
  /** HTML: charts, tables, pictures. */
  readonly content: readonly string[]
  /** What was found, in a sentence or two. */
  readonly found: string
  readonly verdict: Verdict
}

export function sectionHtml({ id, title, claim, source, rule, content, found, verdict }: Section): string {
  return [
    `<section id="${id}" aria-labelledby="${id}-title">`,
    `<h2 id="${id}-title">${escaped(title)}</h2>`,
    `<blockquote>${paragraph(claim)}<p class="faint">${escaped(source)}</p></blockquote>`,
    '<h3>How it was measured</h3>',
    ...rule.map(paragraph),
    '<h3>What was measured</h3>',
    ...content,
    `<div class="found"><p>${verdictHtml(verdict)}</p>${paragraph(found)}</div>`,
    '</section>',
  ].join('\n')
}

export function verdictHtml(verdict: Verdict): string {
  return `<span class="verdict ${CLASSES[verdict]}">${verdict[0]!.toUpperCase()}${verdict.slice(1)}</span>`
}
