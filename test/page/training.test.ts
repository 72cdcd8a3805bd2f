import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import axe from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addressOf, type Running, run, sharedFolder, start, TINY_IMAGES, TINY_POINTS } from '../cli/cli.js'
import { launch, NO_BROWSER } from '../compare/browser.js'

const folder = sharedFolder()
const BUNDLES = fileURLToPath(new URL('../../dist/page/', import.meta.url))

it('the page is less than 150 kB, compressed', () => {
  const sizes = readdirSync(BUNDLES)
    .filter((name) => name.startsWith('training.'))
    .map((name) => gzipSync(readFileSync(join(BUNDLES, name))).length)
  expect(sizes).toHaveLength(3)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(150_000)
})

if (NO_BROWSER) console.warn(`Runs are shown in no browser: ${NO_BROWSER}`)

describe.skipIf(NO_BROWSER)('the page of runs', () => {
  let browser: Browser
  let showing: Running
  let url: string

  beforeAll(async () => {
    const training = (out: string, ...args: string[]) =>
      run(folder, 'train', ...args, '--out', out, '--threads', '1')
    const points = await training(
      'runs/points',
      ...TINY_POINTS,
      '--validation',
      '0.2',
      '--evaluate-every',
      '10',
    )
    const images = await training('runs/images', ...TINY_IMAGES, '--steps', '20', '--sample-every', '10')
    for (const { code, stderr } of [points, images]) if (code !== 0) throw new Error(stderr)
    showing = start(folder, 'ui', 'runs', '--port', '0', '--json')
    url = await addressOf(showing)
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    showing?.process.kill('SIGINT')
    expect((await showing?.ended)?.code).toBe(0)
  })

  async function open(options: BrowserContextOptions = {}, chosen = '') {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options })
    const faults: string[] = []
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) faults.push(message.text())
    })
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) faults.push(request.url())
    })
    await page.goto(`${url}/${chosen}`)
    await page.getByRole('checkbox', { name: /^points/ }).waitFor()
    return { page, faults }
  }

  it('shows two runs side by side, the field of one, and a third as it is trained', async () => {
    const { page, faults } = await open()
    const lossOf = page.getByRole('img', {
      name: /^Loss over steps; newest: images [\d.e-]+, points [\d.e-]+$/,
    })
    await lossOf.waitFor()
    await page.getByText('What differs').waitFor()
    await page.getByRole('rowheader', { name: 'network.kind' }).waitFor()
    expect(await page.getByRole('img', { name: 'Samples of images at step 20' }).count()).toBe(1)
    await page.getByRole('slider', { name: 'Step of the pictures' }).press('Home')
    await page.getByRole('img', { name: 'Samples of images at step 10' }).waitFor()
    await page.locator('#field').scrollIntoViewIfNeeded()
    await page.getByRole('img', { name: /paths from a hemisphere/ }).waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    const before = await inked(page)
    expect(before).toHaveLength(2)
    for (const share of before) expect(share).toBeGreaterThan(0.02)
    await page.getByRole('slider', { name: /^Height/ }).press('Home')
    await page.getByRole('img', { name: /across the plane at z = 5,/ }).waitFor()
    expect(await inked(page)).not.toEqual(before)
    expect(await violations(page)).toEqual([])

    await page.getByRole('checkbox', { name: 'images' }).uncheck()
    expect(await page.getByRole('img', { name: /^Loss over steps; newest: points/ }).count()).toBe(1)
    const config = ['--config', TINY_POINTS[2]!, '--steps', '1000000', '--threads', '1']
    const live = start(folder, 'train', 'two-moons', ...config, '--out', 'runs/live')
    await page.getByRole('checkbox', { name: /^live .*step [\d,]+ of 1,000,000/ }).check()
    const first = await stepOf(page)
    await expect.poll(() => stepOf(page), { timeout: 20_000 }).toBeGreaterThan(first)
    expect(page.url()).toContain('run=points&run=live')
    live.process.kill('SIGINT')
    await live.ended
    await page.getByRole('checkbox', { name: /^live .*stopped at step/ }).waitFor()
    expect(faults).toEqual([])
    await page.close()
  })

  /** The newest step that the list has of the run that is trained. */
  async function stepOf(page: Page): Promise<number> {
    const text = await page.locator('.runs li', { hasText: 'live' }).textContent()
    return Number(/step ([\d,]+)/.exec(text ?? '')![1]!.replaceAll(',', ''))
  }

  describe.runIf(process.env.PFGM_LONG)('on screens of all kinds', () => {
    it.each([
      ['light', 360],
      ['dark', 360],
      ['dark', 768],
      ['light', 1600],
    ] as const)('%s, %i pixels wide', async (colorScheme, width) => {
      const { page, faults } = await open(
        { colorScheme, viewport: { width, height: 800 } },
        '#run=points&run=images',
      )
      await page.locator('#field').scrollIntoViewIfNeeded()
      await page.locator('.field canvas').first().waitFor()
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
      for (const share of await inked(page)) expect(share).toBeGreaterThan(0.02)
      expect(await violations(page)).toEqual([])
      expect(faults).toEqual([])
      await page.close()
    })

    it('stands still for those who want no motion', async () => {
      const { page } = await open({ reducedMotion: 'reduce' }, '#run=points')
      await page.locator('#field').scrollIntoViewIfNeeded()
      await page.locator('.field canvas').first().waitFor()
      const first = await page.locator('.field').screenshot()
      await page.waitForTimeout(600)
      expect((await page.locator('.field').screenshot()).equals(first)).toBe(true)
      expect(await page.getByRole('button', { name: 'Move' }).count()).toBe(1)
      await page.close()
    })

    it('is worked by keys alone', async () => {
      const { page } = await open({}, '#run=points')
      await page.locator('body').press('Tab')
      const reached: string[] = []
      for (let i = 0; i < 30; i++) {
        reached.push(
          String(
            await page.evaluate(
              'document.activeElement.closest("label")?.innerText ?? document.activeElement.ariaLabel ?? document.activeElement.innerText',
            ),
          ),
        )
        await page.keyboard.press('Tab')
      }
      for (const name of ['points', 'All', 'Smoothing', 'Logarithmic', 'Height', 'Turn', 'All settings'])
        expect(
          reached.some((each) => each.includes(name)),
          name,
        ).toBe(true)
      await page.close()
    })
  })
})

/** Of each canvas of the field the share of pixels that something is drawn on. */
function inked(page: Page): Promise<number[]> {
  return page.evaluate(`[...document.querySelectorAll('.field canvas')].map((canvas) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true })
    copy.drawImage(canvas, 0, 0)
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height)
    let inked = 0
    for (let i = 3; i < data.length; i += 4) if (data[i] > 0) inked += 1
    return inked / (canvas.width * canvas.height)
  })`)
}

async function violations(page: Page) {
  await page.evaluate(axe.source)
  const found = (await page.evaluate('axe.run()')) as axe.AxeResults
  return found.violations.map(({ id, nodes }) => [id, nodes[0]?.html])
}
