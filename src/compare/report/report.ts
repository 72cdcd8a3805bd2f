import { type Figures, partsOf } from '../figures.js'
import { COMPARED, FLOW_NAMES } from '../flows.js'
import { METRICS, metricsFor } from '../metrics.js'
import { eulerSection } from './euler.js'
import { fieldSection } from './field.js'
import { escaped, paragraph, table } from './html.js'
import { latentSection } from './latent.js'
import { likelihoodSection } from './likelihood.js'
import { seedsOf } from './lines.js'
import { count, milliseconds, NOTHING, spread } from './numbers.js'
import { pageHtml } from './page.js'
import { qualitySection } from './quality.js'
import { type Section, sectionHtml, verdictHtml } from './section.js'
import { weakSection } from './weak.js'

/** In the order of the page. A new section is a line here. */
const SECTIONS = [qualitySection, eulerSection, weakSection, likelihoodSection, fieldSection, latentSection]

/** A comparison as one file of HTML, of its figures alone. */
export async function reportOf(figures: Figures): Promise<string> {
  const sections = SECTIONS.map((of) => of(figures))
  const { about } = figures
  return pageHtml({
    title: `What the Poisson flow papers claim, measured on ${about.data}`,
    subtitle: `${count(about.count)} items of ${about.shape.join(' × ')}, ${seeds(figures)}${about.quick ? '; a quick look: short trainings, few samples' : ''}`,
    contents: [{ id: 'summary', title: 'In short' }, ...sections, { id: 'training', title: 'Training' }],
    main: [summaryHtml(sections), ...sections.map(sectionHtml), trainingHtml(figures)].join('\n'),
    footer: footerHtml(figures),
  })
}

function seeds(figures: Figures): string {
  const found = seedsOf(figures)
  return `${found} ${found === 1 ? 'seed' : 'seeds'}`
}

function summaryHtml(sections: readonly Section[]): string {
  const entries = sections.map(
    ({ id, title, found, verdict }) =>
      `<li><a href="#${id}">${escaped(title)}</a> ${verdictHtml(verdict)} <span>${escaped(found)}</span></li>`,
  )
  return [
    '<section id="summary" aria-labelledby="summary-title">',
    '<h2 id="summary-title">In short</h2>',
    paragraph(
      'Each section below begins with what a paper says, and ends with what was measured here, on other data and with a far smaller network than the papers’: where a claim is not borne out here, that does not say that it is wrong there.',
    ),
    `<ul class="claims">${entries.join('\n')}</ul></section>`,
  ].join('\n')
}

function trainingHtml(figures: Figures): string {
  const trainings = partsOf(figures, 'training')
  const [times] = partsOf(figures, 'stepTimes')
  const rows = FLOW_NAMES.flatMap((flow) =>
    (['unet', 'refinenet'] as const).flatMap((network) => {
      const training = trainings.find((part) => part.flow === flow && part.network === network)
      if (!training) return []
      return [
        [
          COMPARED[flow].title,
          network === 'unet' ? 'DDPM++' : 'RefineNet',
          count(training.parameters),
          count(training.steps),
          network === 'unet' && times ? milliseconds(times.seconds[flow]) : NOTHING,
        ],
      ]
    }),
  )
  return [
    '<section id="training" aria-labelledby="training-title"><h2 id="training-title">Training</h2>',
    paragraph(
      'All flows learn with the same network, settings and seconds: as many steps as those take by the least time of a step, which is measured before for all flows at the same time, a step each in turns. (The weaker network learns for as many steps as below, whatever time they take.) Samples are drawn with the moving average of the weights.',
    ),
    paragraph(
      trainings.some(({ precision }) => precision === 'bfloat16')
        ? 'Products of layers are of numbers rounded to bfloat16, in training and in drawing samples.'
        : 'All numbers are float32.',
    ),
    table({
      caption: 'What was trained',
      head: ['flow', 'network', 'parameters', 'steps', 'least time of a step'],
      rows,
    }),
    ...metricsFor(figures.about.shape).map(([, { title, rule }]) =>
      paragraph(`${title[0]!.toUpperCase()}${title.slice(1)}: ${rule}.`),
    ),
    ...partsOf(figures, 'floor').map(({ count: draws, measures }) =>
      paragraph(
        `By chance, ${count(draws)} draws from the data itself score ${Object.entries(measures)
          .map(([key, { mean, deviation }]) => `${METRICS[key]?.title ?? key} ${spread(mean, deviation)}`)
          .join(', ')} (mean and standard deviation).`,
      ),
    ),
    ...failedHtml(figures),
    '</section>',
  ].join('\n')
}

function failedHtml(figures: Figures): string[] {
  const rows = partsOf(figures, 'failed').map(({ title, reason }) => [title, reason])
  return rows.length > 0 ? [table({ caption: 'What came to no end', head: ['what', 'why'], rows })] : []
}

function footerHtml({ machine, about }: Figures): string {
  const { date, processor, threads, version, libtorch } = machine
  return paragraph(
    `Begun on ${date} on ${processor}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, by pfgm-torch ${version} with libtorch ${libtorch}: npx pfgm-torch compare ${about.data}${about.quick ? ' --quick' : ''}. PFGM: Y. Xu, Z. Liu, M. Tegmark, T. Jaakkola, Poisson Flow Generative Models, arXiv 2209.11178. PFGM++: Y. Xu and others, arXiv 2302.04265. EDM: T. Karras and others, arXiv 2206.00364. VE and VP: Y. Song and others, arXiv 2011.13456.`,
  )
}
