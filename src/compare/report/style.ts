/** The report's style: light and dark as the reader's screen is, and light on paper. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --card: #f5f7fa; --ink: #1f2933; --faint: #52606d; --line: #d9e2ec; --link: #1864ab;
  --pfgm: #0b7285; --pfgmpp-64: #2b8a3e; --pfgmpp-2048: #1864ab; --edm: #5f3dc4; --ve: #c92a2a; --vp: #b35900;
  --good: #237032; --middling: #8a5a00; --bad: #c92a2a;
}
@media screen and (prefers-color-scheme: dark) {
  :root:not([data-print]) {
    --paper: #14181d; --card: #1d232a; --ink: #e4e9ee; --faint: #a3b0bd; --line: #37424d; --link: #74c0fc;
    --pfgm: #3bc9db; --pfgmpp-64: #69db7c; --pfgmpp-2048: #74c0fc; --edm: #b197fc; --ve: #ff8787; --vp: #ffa94d;
    --good: #69db7c; --middling: #ffd43b; --bad: #ff8787;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 3rem) 4rem; max-width: 62rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif;
}
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.35rem; margin: 0 0 .6rem; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
a { color: var(--link); }
p, li, figcaption, caption { max-width: 46rem; }
section { margin-top: 2.6rem; padding-top: 1.6rem; border-top: 1px solid var(--line); }
.faint, caption { color: var(--faint); }
blockquote { margin: 0 0 1rem; padding: .2rem 0 .2rem 1rem; border-left: 4px solid var(--pfgm); }
blockquote p { margin: 0; }
.claims { list-style: none; padding: 0; }
.claims li { display: grid; gap: 0 1rem; max-width: none; padding: .6rem 0; border-bottom: 1px solid var(--line); font-size: .95rem; }
@media (min-width: 48rem) { .claims li { grid-template-columns: 13rem 7rem 1fr; } }
.found { background: var(--card); border-radius: 8px; padding: .9rem 1.1rem; margin-top: 1.4rem; }
.found p { margin: .3rem 0; }
.verdict { font-weight: 600; white-space: nowrap; }
.verdict.good { color: var(--good); } .verdict.middling { color: var(--middling); } .verdict.bad { color: var(--bad); }
figure { margin: 1.4rem 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 0 1.5rem; }
.pair figure { margin: .8rem 0; } .pair figcaption { font-size: .92rem; }
figcaption { font-weight: 600; margin-bottom: .4rem; }
figure svg.field { width: 100%; height: auto; }
figure img { max-width: 100%; height: auto; image-rendering: pixelated; border-radius: 4px; }
.chart { min-height: 340px; position: relative; overflow: hidden; }
.readout { position: absolute; top: 4px; right: 8px; font-size: .8rem; color: var(--faint); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: .4rem 0 0; padding: 0; font-size: .88rem; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .4rem; }
th, td { text-align: left; padding: .28rem .8rem .28rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { border-bottom: 2px solid var(--line); }
tbody th { font-weight: 500; }
td.words { min-width: 17rem; }
td.number { text-align: right; white-space: nowrap; }
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--link); }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  section { break-before: auto; } figure, tr, .claims { list-style: none; padding: 0; }
.claims li { display: grid; gap: 0 1rem; max-width: none; padding: .6rem 0; border-bottom: 1px solid var(--line); font-size: .95rem; }
@media (min-width: 48rem) { .claims li { grid-template-columns: 13rem 7rem 1fr; } }
.found { break-inside: avoid; } h2, h3 { break-after: avoid; }
  table { font-size: 7.5pt; } th, td { padding-right: .45rem; } td.words { min-width: 0; }
  .wide { overflow: visible; } nav { display: none; }
}
`
