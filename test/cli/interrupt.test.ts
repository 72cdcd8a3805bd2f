import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'

/** Work that no signal ends. */
const SCRIPT = `
  import { endWithSignals, interruptible } from ${JSON.stringify(new URL('../../dist/cli/interrupt.js', import.meta.url))}
  endWithSignals()
  await interruptible(
    () => {
      console.log('working')
      return new Promise(() => setInterval(() => {}, 1000))
    },
    () => console.log('stopping'),
  )`

it('work that a first signal does not end ends at once on a second one', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT])
  let said = ''
  child.stdout.on('data', (text) => {
    said += text
  })
  while (!said.includes('working')) await once(child.stdout, 'data')
  child.kill('SIGINT')
  while (!said.includes('stopping')) await once(child.stdout, 'data')
  await setTimeout(600) // two that are closer together are one
  expect(child.exitCode).toBeNull()
  child.kill('SIGINT')
  const [code] = await once(child, 'exit')
  expect(code).toBe(130)
})
