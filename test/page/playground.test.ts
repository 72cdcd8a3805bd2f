import { join } from 'node:path'
import axe from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PUBLISHED } from '../../src/flow/pfgm.js'
import type { UnetConfig } from '../../src/nn/config.js'
import { Network } from '../../src/nn/network.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { jsonLines, type Running, sharedFolder, start } from '../cli/cli.js'
import { launch, NO_BROWSER } from '../compare/browser.js'

if (NO_BROWSER) console.warn(`The playground is shown in no browser: ${NO_BROWSER}`)

const folder = sharedFolder()
const started: Running[] = []
let digits: string
let browser: Browser

/** Starts the service of a model, and tells where it is. */
async function serve(model: string, ...args: string[]): Promise<{ url: string; running: Running }> {
  const running = start(folder, 'serve', model, '--port', '0', '--json', '--log-level', 'silent', ...args)
  started.push(running)
  let stdout = ''
  running.process.stdout!.on('data', (chunk) => {
    stdout += chunk
  })
  await running.line(/"listening"/)
  const [{ url }] = jsonLines({ stdout, stderr: '', code: null }) as [{ url: string }]
  return { url, running }
}

beforeAll(async () => {
  digits = (await serve('digits')).url
  if (!NO_BROWSER) browser = await launch()
})
afterAll(async () => {
  await browser?.close()
  for (const { process } of started) process.kill('SIGTERM')
  await Promise.all(started.map(({ ended }) => ended))
})

/** A model of pictures in colour, untrained, in a file. */
async function colourModel(): Promise<string> {
  const config: UnetConfig = {
    kind: 'unet',
    ...{ channels: 3, imageSize: 8, nf: 8, chMult: [1], numResBlocks: 1, attnResolutions: [], dropout: 0 },
    ...{ embedding: 'positional', fourierScale: 16, fir: false, progressiveInput: 'none' },
    ...{ skipRescale: true, initScale: 0, centered: true },
  }
  const network = await Network.create(config, { seed: 1 })
  const flow = { ...PUBLISHED, M: 200, zMax: 5, upperNorm: 40 }
  using model = PoissonFlow.of(network, { data: 'colour', step: 0, flow })
  const path = join(folder, 'colour.safetensors')
  await model.save(path)
  return path
}

/** Opens the page; what it does that it should not is noted. */
async function open(url: string, hash = '', options: BrowserContextOptions = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options })
  page.setDefaultTimeout(60_000)
  const faults: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('request', (request) => {
    const to = request.url()
    if (!to.startsWith(url) && !to.startsWith('data:')) faults.push(to)
  })
  await page.goto(`${url}/${hash}`)
  return { page, faults }
}

/** Until nothing of the page waits for the service. */
async function settled(page: Page): Promise<void> {
  await page.locator('.playground').waitFor()
  // Longer than a setting is waited for.
  await page.waitForTimeout(250)
  await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
}

const sample = (page: Page) => page.locator('.sample img')
const slider = (page: Page, name: string) => page.getByRole('slider', { name, exact: true })
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const pngOf = (src: string | null) => Buffer.from(src!.replace(/^.*,/, ''), 'base64')
const pixelsOf = async (png: Buffer) => [...(await sharp(png).extractChannel(0).raw().toBuffer())]

/** The sample that the service gives by itself. */
async function drawn(query: string): Promise<number[]> {
  const { images } = (await (await fetch(`${digits}/v1/samples?format=json&${query}`)).json()) as {
    images: string[]
  }
  return pixelsOf(Buffer.from(images[0]!, 'base64'))
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const found = (await page.evaluate('axe.run()')) as axe.AxeResults
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`)
}

describe('the files of the page', () => {
  it('are small, and asked for once', async () => {
    const names = ['', 'page/playground.js', 'page/playground.css']
    let bytes = 0
    for (const name of names) {
      const response = await fetch(`${digits}/${name}`)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-encoding')).toBe('gzip')
      bytes += Number(response.headers.get('content-length'))
      const headers = { 'if-none-match': response.headers.get('etag')! }
      expect((await fetch(`${digits}/${name}`, { headers })).status).toBe(304)
    }
    expect(bytes).toBeLessThan(150_000)
    const plain = await fetch(`${digits}/page/playground.js`, { headers: { 'accept-encoding': 'gzip;q=0' } })
    expect(plain.headers.get('content-encoding')).toBeNull()
    const script = await plain.text()
    for (const name of ['preact', 'uplot']) expect(script).toMatch(new RegExp(`${name} \\d.*\\n\\n.*MIT`))
  })

  it('are all that there is', async () => {
    for (const path of ['page/', 'page/playground.html', 'page/..%2f..%2fpackage.json', 'page/playground.ts'])
      expect((await fetch(`${digits}/${path}`)).status).toBe(404)
  })

  it('run nothing that is not theirs', async () => {
    const { headers } = await fetch(digits)
    const policy = headers.get('content-security-policy')!
    expect(policy).toContain("default-src 'none';script-src 'self';style-src 'self'")
    expect(policy).not.toContain('unsafe')
  })
})

describe.skipIf(NO_BROWSER)('the playground', () => {
  it('shows samples as they form, between and filled in, and its address holds all of it', async () => {
    const { page, faults } = await open(digits)
    await page.getByRole('radio', { name: '7' }).check()
    await page.getByLabel('Seed', { exact: true }).fill('5')
    await page.getByText(/evaluations of the network/).waitFor()
    await settled(page)
    const shown = await sample(page).getAttribute('src')
    expect(await pixelsOf(pngOf(shown))).toEqual(await drawn('seed=5&label=7'))

    const step = slider(page, 'Step')
    expect(Number(await step.getAttribute('max'))).toBeGreaterThan(2)
    await step.fill('0')
    expect(await sample(page).getAttribute('src')).not.toBe(shown)
    await button(page, 'Seed 2').click()
    await settled(page)
    expect(await pixelsOf(pngOf(await sample(page).getAttribute('src')))).toEqual(
      await drawn('seed=2&label=7'),
    )

    await page.getByLabel('From seed 2 to', { exact: true }).fill('9')
    await button(page, 'Show the way').click()
    await page.locator('.strip img').nth(16).waitFor()
    const between = page.locator('.between img.picture')
    const middle = await between.getAttribute('src')
    await slider(page, 'Between the seeds').fill('2')
    expect(await between.getAttribute('src')).not.toBe(middle)

    await button(page, 'Mark the lower half').click()
    await button(page, 'Fill in').click()
    await page.locator('.ways img').nth(3).waitFor()
    const [way, before] = await Promise.all(
      [page.locator('.ways img').first(), sample(page)].map(async (image) =>
        pixelsOf(pngOf(await image.getAttribute('src'))),
      ),
    )
    expect(way!.slice(0, 32)).toEqual(before!.slice(0, 32))
    expect(way!.slice(32)).not.toEqual(before!.slice(32))

    await slider(page, 'Tolerance').fill('3')
    await button(page, 'Measure').click()
    await page.getByText('The large point is the chosen setting').waitFor()
    await settled(page)
    const errors = (await page.locator('.errors tbody tr td:last-child').allTextContents()).map(Number)
    expect(errors.length).toBeGreaterThan(5)
    expect(errors.at(-1)).toBeLessThan(errors[0]! / 10)
    expect(await violations(page)).toEqual([])

    await page.waitForURL(({ hash }) => hash === '#seed=2&label=7&tolerance=0.02&to=9&at=0.125&errors=1')
    const other = await open(digits, new URL(page.url()).hash)
    await other.page.locator('.strip img').nth(16).waitFor()
    for (const of of ['.sample img', '.between img.picture']) {
      expect(await other.page.locator(of).getAttribute('src')).toBe(
        await page.locator(of).getAttribute('src'),
      )
    }
    expect(await other.page.getByLabel('From seed 2 to', { exact: true }).inputValue()).toBe('9')
    expect([...faults, ...other.faults]).toEqual([])
    const address = await page.getByLabel('Address of the picture').inputValue()
    const picture = Buffer.from(await (await fetch(address)).arrayBuffer())
    expect(await sharp(picture).metadata()).toMatchObject({ format: 'png', width: 256 })
  }, 180_000)
})

describe.runIf(process.env.PFGM_LONG && !NO_BROWSER)('the playground', () => {
  const ALL = '#seed=3&label=7&to=8&errors=1'

  it.each([
    ['light', 360],
    ['dark', 360],
    ['light', 768],
    ['dark', 1280],
  ] as const)('is whole and can be read, %s at %i', async (colorScheme, width) => {
    const { page, faults } = await open(digits, ALL, { colorScheme, viewport: { width, height: 800 } })
    await settled(page)
    await button(page, 'Mark the lower half').click()
    await button(page, 'Fill in').click()
    await page.locator('.ways img').nth(3).waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
    expect(await violations(page)).toEqual([])
    expect(faults).toEqual([])
  })

  it('is drawn on with a pointer, and with keys', async () => {
    const { page } = await open(digits, '#seed=3&label=7')
    await settled(page)
    const fill = button(page, 'Fill in')
    expect(await fill.isDisabled()).toBe(true)
    const board = page.locator('.board canvas')
    await board.scrollIntoViewIfNeeded()
    const pixel = (x: number, y: number) =>
      page.evaluate(
        `[...document.querySelector('.board canvas').getContext('2d').getImageData(${x}, ${y}, 1, 1).data]`,
      )
    const before = await pixel(0, 6)
    const box = (await board.boundingBox())!
    const at = (x: number, y: number) =>
      [box.x + ((x + 0.5) * box.width) / 8, box.y + ((y + 0.5) * box.height) / 8] as const
    await page.getByRole('radio', { name: 'Draw', exact: true }).check()
    await page.mouse.move(...at(0, 6))
    await page.mouse.down()
    await page.mouse.move(...at(7, 6))
    await page.mouse.up()
    for (const x of [0, 3, 7]) expect(await pixel(x, 6)).toEqual([255, 255, 255, 255])
    expect(await fill.isDisabled()).toBe(true)
    await button(page, 'Undo').click()
    expect(await pixel(0, 6)).toEqual(before)

    await page.getByRole('radio', { name: 'Mark', exact: true }).check()
    await page.getByRole('application').focus()
    for (const key of ['ArrowDown', 'ArrowRight', ' ']) await page.keyboard.press(key)
    await page.getByText('Row 6, column 6, to be filled').waitFor({ state: 'attached' })
    await fill.click()
    const way = page.locator('.ways button').first()
    await way.click()
    expect(await fill.isDisabled()).toBe(true)
    await button(page, 'Start over').click()
  })

  it('is drawn on in colour, and what is drawn is kept where the rest is filled in', async () => {
    const { url } = await serve(await colourModel())
    const { page, faults } = await open(url, '#solver=heun&steps=5')
    await settled(page)
    const board = page.locator('.board canvas')
    await board.scrollIntoViewIfNeeded()
    const box = (await board.boundingBox())!
    const at = (x: number, y: number) =>
      [box.x + ((x + 0.5) * box.width) / 8, box.y + ((y + 0.5) * box.height) / 8] as const
    const stroke = async (y: number) => {
      await page.mouse.move(...at(0, y))
      await page.mouse.down()
      await page.mouse.move(...at(7, y))
      await page.mouse.up()
    }
    await page.getByRole('radio', { name: 'Draw', exact: true }).check()
    await page.getByLabel('Colour', { exact: true }).fill('#ff2040')
    await stroke(2)
    await page.getByRole('radio', { name: 'Mark', exact: true }).check()
    await stroke(5)
    await button(page, 'Fill in').click()
    await page.locator('.ways img').nth(3).waitFor()
    const png = pngOf(await page.locator('.ways img').first().getAttribute('src'))
    const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true })
    expect(info).toMatchObject({ width: 8, height: 8, channels: 3 })
    expect([...data.subarray(2 * 24, 3 * 24)]).toEqual(Array.from({ length: 8 }, () => [255, 32, 64]).flat())
    expect(await violations(page)).toEqual([])
    expect(faults).toEqual([])
  })

  it('needs no pointer', async () => {
    const { page, faults } = await open(digits)
    await settled(page)
    const seen = new Set<string>()
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab')
      const name = await page.evaluate(
        '(({ ariaLabel, labels, textContent }) => ariaLabel ?? labels?.[0]?.textContent ?? textContent)(document.activeElement)',
      )
      seen.add(String(name).trim())
      if (name === 'The next') break
    }
    for (const name of [
      'Step',
      'Copy address',
      'Model',
      'Seed',
      'Random',
      'any',
      'Solver',
      'Temperature',
      'Seed 0',
    ])
      expect([...seen]).toContain(name)
    await page.getByRole('radio', { name: 'any' }).focus()
    await page.keyboard.press('ArrowRight')
    await slider(page, 'Temperature').focus()
    await page.keyboard.press('ArrowLeft')
    await page.waitForURL(({ hash }) => hash === '#label=0&temperature=0.95')
    await settled(page)
    expect(faults).toEqual([])
  })

  it('does not move by itself where the reader wants none of it', async () => {
    const { page } = await open(digits, '#seed=3', { reducedMotion: 'reduce' })
    await settled(page)
    expect(await page.getByRole('button', { name: 'Play how it forms' }).count()).toBe(0)
    expect(await pixelsOf(pngOf(await sample(page).getAttribute('src')))).toEqual(await drawn('seed=3'))
  })

  it('takes no heed of nonsense in its address', async () => {
    const { page, faults } = await open(digits, '#seed=-1&label=99&solver=magic&model=other&to=x&steps=1e9')
    await page.getByText('No model other is served here; this is digits.').waitFor()
    await settled(page)
    expect(await page.getByLabel('Seed', { exact: true }).inputValue()).toBe('0')
    expect(faults).toEqual([])
  })

  it('draws by every solver that the flow can follow', async () => {
    const { page, faults } = await open(digits, '#seed=3')
    await settled(page)
    const solver = page.getByLabel('Solver')
    const names = await solver.locator('option').allTextContents()
    expect(names.length).toBeGreaterThan(8)
    for (const name of names) {
      await solver.selectOption(name)
      await settled(page)
      await page.getByText(/\d evaluations of the network/).waitFor()
    }
    expect(await page.getByRole('alert').count()).toBe(0)
    expect(faults).toEqual([])
  })

  it('says what the service has against a request, and asks again', async () => {
    const { url, running } = await serve(
      'digits',
      '--max-rows',
      '1',
      '--queue-limit',
      '1',
      '--max-count',
      '1',
    )
    const long = () => fetch(`${url}/v1/samples?solver=heun&steps=500`)
    const busy = [long(), long()]
    const { page } = await open(url, '#seed=3')
    await page.getByText('The service has no room just now').first().waitFor()
    await Promise.all(busy)
    await page.locator('.sample').getByRole('button', { name: 'Try again' }).click()
    await page.getByText(/evaluations of the network/).waitFor()
    running.process.kill('SIGKILL')
    await button(page, 'Random').first().click()
    await page.locator('.sample').getByText('The service does not answer').waitFor()
  })

  it('asks for the token', async () => {
    const { url } = await serve('digits', '--token', 'secret')
    const { page } = await open(url)
    const token = page.getByLabel('The service asks for a token')
    await token.fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByLabel('The service wants another token').fill('secret')
    await page.keyboard.press('Enter')
    await settled(page)
    expect(await page.locator('.seeds img').count()).toBe(16)
    expect(await violations(page)).toEqual([])
    await page.reload()
    await settled(page)
  })
})
