import axe from 'axe-core'
import type { FastifyInstance } from 'fastify'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createService } from '../../src/server/serve.js'
import { launch, NO_BROWSER } from '../compare/browser.js'

let app: FastifyInstance
let url: string

beforeAll(async () => {
  app = await createService({ models: { digits: 'digits' }, tokens: ['t'], limits: {}, logLevel: 'silent' })
  url = await app.listen({ port: 0, host: '127.0.0.1' })
})
afterAll(() => app.close())

it('the reference has every route with its fields, and needs no token', async () => {
  const { body } = await app.inject('/docs')
  const { paths } = (await app.inject('/openapi.json')).json()
  for (const [path, methods] of Object.entries<Record<string, { parameters?: { name: string }[] }>>(paths)) {
    for (const [method, { parameters = [] }] of Object.entries(methods)) {
      const section = body
        .split('<section')
        .find((each) => each.includes(`<h2>${method.toUpperCase()} ${path}</h2>`))!
      for (const { name } of parameters) expect(section).toContain(`<th scope="row">${name}</th>`)
    }
  }
  expect(body).toContain('whole number from 1 to 64')
  expect(body).toContain('&quot;$URL/v1/interpolate?from=0&amp;to=0&quot;')
  expect(body).toContain('authorization: Bearer $TOKEN')
})

if (NO_BROWSER !== undefined) console.log(`Skipped, a page in a browser: ${NO_BROWSER}`)
describe.skipIf(NO_BROWSER !== undefined)('in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(() => browser.close())

  it.each([
    ['light', 1000],
    ['dark', 360],
  ] as const)(
    '%s, %i pixels wide: it is whole, asks for nothing else and is accessible',
    async (colorScheme, width) => {
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 }, bypassCSP: false })
      const [asked, faults]: [string[], string[]] = [[], []]
      page.on('request', (request) => asked.push(request.url()))
      page.on('console', (message) => faults.push(message.text()))
      await page.goto(`${url}/docs`)
      const paper = await page.evaluate('getComputedStyle(document.body).backgroundColor')
      expect(paper).toBe(colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 24, 29)')
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
      expect(asked.filter((each) => !each.endsWith('/favicon.ico'))).toEqual([`${url}/docs`])
      expect(faults.filter((each) => !each.includes('404'))).toEqual([])
      await page.close()
      // Without the policy, which would not let the checker in.
      const open = await browser.newPage({ colorScheme, viewport: { width, height: 800 }, bypassCSP: true })
      await open.goto(`${url}/docs`)
      await open.evaluate(axe.source)
      const { violations } = (await open.evaluate('axe.run()')) as axe.AxeResults
      expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([])
      await open.close()
    },
  )
})
