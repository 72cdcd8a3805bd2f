import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { escaped } from './html.js'
import { STYLE } from './style.js'

/** Nothing is fetched. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

export interface Page {
  readonly title: string
  readonly subtitle: string
  /** Ids and titles of the sections. */
  readonly contents: readonly { readonly id: string; readonly title: string }[]
  /** HTML. */
  readonly main: string
  readonly footer: string
}

/** One file of HTML that needs nothing else. */
export async function pageHtml({ title, subtitle, contents, main, footer }: Page): Promise<string> {
  const links = contents.map((part) => `<li><a href="#${part.id}">${escaped(part.title)}</a></li>`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${escaped(title)}</title>
<style>${await uplotFile('uPlot.min.css')}${STYLE}</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<p class="faint">${escaped(subtitle)}</p>
<nav aria-label="Contents"><ol>${links.join('')}</ol></nav>
<noscript><p>The charts are drawn by a script, which does not run here; the tables have all their figures.</p></noscript>
</header>
<main>
${main}
</main>
<footer><section aria-label="Where and how">${footer}</section></footer>
<script>${await uplotFile('uPlot.iife.min.js')}</script>
<script type="module">${await readFile(new URL('draw.js', import.meta.url), 'utf8')}</script>
</body>
</html>
`
}

async function uplotFile(name: string): Promise<string> {
  return readFile(createRequire(import.meta.url).resolve(`uplot/dist/${name}`), 'utf8')
}
