import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Figures, figuresSchema, type PartOf } from '../../src/compare/figures.js'
import { reportOf } from '../../src/compare/report/report.js'
import { launch, NO_BROWSER } from './browser.js'

const REPORTS = fileURLToPath(new URL('../../docs/report/', import.meta.url))
const storedFigures = (name: string) =>
  figuresSchema.parse(JSON.parse(readFileSync(join(REPORTS, name, 'figures.json'), 'utf8')))
const figures = storedFigures('digits-quick')
const CHARTS = 4

/** Figures whose points are others. */
function withPoints(change: (point: PartOf<'point'>) => Partial<PartOf<'point'>>): Figures {
  const parts = Object.entries(figures.parts).map(([key, part]) => [
    key,
    part.kind === 'point' ? { ...part, ...change(part) } : part,
  ])
  return { ...figures, parts: Object.fromEntries(parts) }
}

/** A report without its scripts and pictures. */
const readable = (report: string) =>
  report.replaceAll(/<script>.*?<\/script>|base64,[^"]*/gs, '').replace(/<script type="module">.*/s, '')

/** What the summary says of a section. */
function verdictOn(report: string, section: string): string | undefined {
  return new RegExp(`href="#${section}">[^<]*</a> <span class="verdict \\w+">([^<]*)`).exec(report)?.[1]
}

describe('the reports in docs/', () => {
  // Where this fails: npx pfgm-torch compare digits --out docs/report/digits writes the report anew.
  it.each(readdirSync(REPORTS))('%s is what its figures say, in less than 1.5 MB', async (name) => {
    const report = readFileSync(join(REPORTS, name, 'report.html'), 'utf8')
    expect(readable(report) === readable(await reportOf(storedFigures(name)))).toBe(true)
    expect(report.length).toBeLessThan(1.5e6)
  })
})

describe('a report of stored figures', () => {
  it('is one file of less than 1.5 MB that fetches nothing', async () => {
    const report = await reportOf(figures)
    expect(report.length).toBeLessThan(1.5e6)
    expect(report).not.toMatch(/(src|href)="(?!#|data:)/)
  })

  it('says of speed what the figures say', async () => {
    const noisy = (sampler: string) => sampler === 'euler-maruyama' || sampler === 'predictor-corrector'
    // As good as all others, and PFGM at a tenth of what the samplers with noise take at their least.
    const fast = withPoints(({ sampler, effort }) => ({
      measures: { energyDistance: 0.01 },
      evaluations: noisy(sampler) ? 2000 + effort : 100,
    }))
    expect(verdictOn(await reportOf(fast), 'quality')).toBe('Borne out')
    const slow = withPoints(({ sampler }) => ({
      measures: { energyDistance: 0.01 },
      evaluations: noisy(sampler) ? 200 : 100,
    }))
    expect(verdictOn(await reportOf(slow), 'quality')).toBe('In part')
    expect(await reportOf(slow)).toContain('as published (rk45): 2.0 times its evaluations. Beside')
    const poor = withPoints(({ flow }) => ({ measures: { energyDistance: flow === 'pfgm' ? 10 : 0.01 } }))
    expect(verdictOn(await reportOf(poor), 'quality')).toBe('Not borne out')
    expect(await reportOf(poor)).toContain('(rk45): 4 of 4 come nearer to the data than it ever does. Beside')
  })

  it('tells how far a single seed may be off', async () => {
    const known = withPoints(() => ({
      measures: { energyDistance: 0.01 },
      errors: { energyDistance: 0.002, frechetDistance: 0.1, kernelDistance: 0.001 },
    }))
    const report = await reportOf(known)
    expect(report).toContain('0.0100 ± 0.0020')
    expect(report).toContain('standard error over ten groups of the samples')
    const without = await reportOf(withPoints(() => ({ errors: undefined })))
    expect(without).not.toContain('standard error over ten groups of the samples')
  })

  it('has no columns of features where pictures have too many numbers', async () => {
    const large = { ...figures, about: { ...figures.about, shape: [3, 64, 64] } }
    expect(await reportOf(figures)).toContain('Frechet distance</th>')
    const heads = [...(await reportOf(large)).matchAll(/([a-z ]*distance)<\/th>/gi)].map(([, head]) => head)
    expect(heads).toContain('energy distance')
    expect(heads).not.toContain('Frechet distance')
    expect(heads).not.toContain('kernel distance')
  })

  it('is written of any part of the figures, as a comparison that was broken off has them', async () => {
    const keys = Object.keys(figures.parts)
    for (const known of [0, 1, Math.floor(keys.length / 2)]) {
      const parts = Object.fromEntries(keys.slice(0, known).map((key) => [key, figures.parts[key]!]))
      const report = await reportOf({ ...figures, parts })
      expect(readable(report)).not.toMatch(/NaN|undefined|Infinity/)
      expect(verdictOn(report, 'weak')).toBe('Not measured')
    }
  })

  it('shows samples that came to no end as such', async () => {
    const report = await reportOf(withPoints(() => ({ lost: 3, measures: {} })))
    expect(report).toContain('3 samples without an end')
    expect(verdictOn(report, 'quality')).toBe('Not measured')
    expect(readable(report)).not.toMatch(/NaN|undefined|Infinity/)
  })
})

if (NO_BROWSER) console.warn(`The report is shown in no browser: ${NO_BROWSER}`)

describe.skipIf(NO_BROWSER)('in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pfgm-report-'))
  const file = join(folder, 'report.html')
  let browser: Browser

  beforeAll(async () => {
    writeFileSync(file, await reportOf(figures))
    browser = await launch()
  })
  afterAll(async () => {
    await browser.close()
    rmSync(folder, { recursive: true })
  })

  async function open(colorScheme: 'light' | 'dark', width: number) {
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } })
    const faults: string[] = []
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) faults.push(message.text())
    })
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('request', (request) => {
      if (!request.url().startsWith('file:') && !request.url().startsWith('data:')) faults.push(request.url())
    })
    await page.goto(pathToFileURL(file).href)
    return { page, faults }
  }

  /** Of each chart the colours that it is drawn in. */
  const coloursOf = (page: Page) =>
    page.evaluate(() => {
      const { document } = globalThis as unknown as { document: { querySelectorAll(css: string): unknown[] } }
      return [...document.querySelectorAll('.chart canvas')].map((canvas) => {
        const { width, height, getContext } = canvas as {
          width: number
          height: number
          getContext(kind: string): { getImageData(...box: number[]): { data: Uint8ClampedArray } }
        }
        const { data } = getContext.call(canvas, '2d').getImageData(0, 0, width, height)
        const colours = new Set<number>()
        for (let i = 0; i < data.length; i += 4) {
          if (data[i + 3] === 255) colours.add((data[i]! << 16) + (data[i + 1]! << 8) + data[i + 2]!)
        }
        return [...colours]
      })
    })

  it.each([
    ['light', 1100, 0x0b7285],
    ['dark', 1100, 0x3bc9db],
    ['light', 360, 0x0b7285],
  ] as const)('%s, %i pixels wide: charts are drawn, and it is accessible', async (scheme, width, pfgm) => {
    const { page, faults } = await open(scheme, width)
    const colours = await coloursOf(page)
    expect(colours).toHaveLength(CHARTS)
    for (const found of colours) expect(found).toContain(pfgm)
    const fits = await page.evaluate('document.documentElement.scrollWidth <= innerWidth')
    expect(fits).toBe(true)
    await page.evaluate(axe.source)
    const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults
    expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([])
    expect(faults).toEqual([])
    await page.close()
  })

  it('is light on paper, with all of its tables open', async () => {
    const { page } = await open('dark', 1100)
    await page.pdf()
    // What was opened for the paper is closed again.
    expect(await page.locator('details[open]').count()).toBe(0)
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for (const found of await coloursOf(page)) expect(found).toContain(0x0b7285)
    expect(await page.locator('details:not([open])').count()).toBe(0)
    await page.close()
  })
})
