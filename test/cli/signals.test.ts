import { describe, expect, it } from 'vitest'
import { noNamespaces, signalContained, startContained } from '../processes.js'
import { BIN, checkpoints, sharedFolder, start, TINY_POINTS } from './cli.js'

const folder = sharedFolder()
const SIGNALS = [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const

const train = (out: string) => ['train', ...TINY_POINTS, '--json', '--out', out, '--steps', '1000000']

it('a closed terminal has a training saved', async () => {
  const running = start(folder, ...train('hung-up'), '--checkpoint-every', '1000000')
  await running.line(/"type":"step","step":20,/)
  running.process.kill('SIGHUP')
  const { code, stderr } = await running.ended
  expect({ code, stderr }).toMatchObject({ code: 129 })
  const step = Number(/stopped by SIGHUP: saved at step (\d+)/.exec(stderr)?.[1])
  expect(step).toBeGreaterThanOrEqual(20)
  expect(checkpoints(`${folder}/hung-up`).at(-1)).toBe(`step-${String(step).padStart(7, '0')}.safetensors`)
})

describe.skipIf(noNamespaces !== undefined)('process 1 of a container', () => {
  it.each(SIGNALS)('saves a training on %s', async (signal, exitCode) => {
    const running = startContained(folder, BIN, ...train(`contained-${signal}`))
    await running.line(/"type":"step","step":3,/)
    signalContained(running, signal)
    const { code, stderr } = await running.ended
    expect({ code, stderr }).toMatchObject({ code: exitCode })
    expect(stderr).toContain(`stopped by ${signal}: saved at step`)
  })

  it.each(SIGNALS)('ends on %s where there is nothing to save', async (signal, exitCode) => {
    const interrupt = new URL('../../dist/cli/interrupt.js', import.meta.url).href
    const code = `(await import('${interrupt}')).endWithSignals(); console.log('ready'); setInterval(() => {}, 1000)`
    const running = startContained(folder, '--input-type=module', '-e', code)
    await running.line(/ready/)
    signalContained(running, signal)
    expect(await running.ended).toMatchObject({ code: exitCode, stderr: `stopped by ${signal}\n` })
  })
})
