import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { addressOf, run, sharedFolder, start, TINY_POINTS } from './cli.js'

const folder = sharedFolder()
mkdirSync(join(folder, 'runs'))

/** What is told until there is no more. */
async function newsOf(url: string): Promise<string> {
  return (await fetch(`${url}/v1/events`)).text()
}

it('train --ui shows what it trains until it ends, whoever looks', async () => {
  const args = ['train', ...TINY_POINTS, '--threads', '1', '--out', 'runs/long', '--steps', '1000000']
  const training = start(folder, ...args, '--ui', '0', '--json')
  const url = await addressOf(training)
  const news = newsOf(url)
  await training.line(/"type":"step","step":20,/)
  // The disk is looked at once a second.
  await vi.waitFor(async () => {
    const { data } = (await (await fetch(`${url}/v1/runs`)).json()) as { data: object[] }
    expect(data).toMatchObject([{ name: 'long', state: 'training', steps: 1_000_000 }])
  }, 20_000)
  training.process.kill('SIGINT')
  const { code, stderr } = await training.ended
  expect(code).toBe(130)
  expect(stderr).toContain(
    `${url} shows this training until it ends; after that: npx pfgm-torch ui runs/long`,
  )
  const events = (await news).trim().split('\n\n')
  expect(events.at(-1)).toBe('event: end\ndata: {}')
  expect(JSON.parse(events.at(-2)!.split('data: ')[1]!)).toMatchObject([{ name: 'long', state: 'stopped' }])
  await expect(fetch(url)).rejects.toThrow()

  const short = await run(folder, 'train', ...TINY_POINTS, '--out', 'runs/short', '--ui', '0')
  expect(short).toMatchObject({ code: 0, stdout: expect.stringContaining('Trained to step 30') })
})

it('ui shows a folder of runs, at another port where the usual one is taken', async () => {
  const taken = createServer()
  // Where another program has it, it is taken as well.
  await new Promise<void>((resolve) => {
    taken.once('error', () => resolve()).listen(8001, '127.0.0.1', () => resolve())
  })
  const showing = start(folder, 'ui', '--json')
  const url = await addressOf(showing)
  expect(url).not.toContain(':8001')
  const news = newsOf(url)
  expect((await fetch(url)).status).toBe(200)
  showing.process.kill('SIGTERM')
  expect((await showing.ended).code).toBe(0)
  expect(await news).toContain('event: end')
  taken.close()
})
