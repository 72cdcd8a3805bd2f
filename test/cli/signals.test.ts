import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { noNamespaces, signalContained, startContained } from '../processes.js'
import { BIN, checkpoints, sharedFolder, start, startProgram, TINY_POINTS } from './cli.js'

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

const noTerminal = spawnSync('script', ['--version']).error?.message
if (noTerminal !== undefined) console.log(`A terminal that is closed: skipped, ${noTerminal}`)

it.skipIf(noTerminal !== undefined)(
  'a terminal that is closed ends a training as a hang-up does, and no crash',
  async () => {
    // The shell stays, to tell how the training ended; where it writes is gone.
    const line = `trap '' HUP; ${process.execPath} ${BIN} ${train('no-terminal').join(' ')}; echo $? > ended`
    const terminal = startProgram(folder, 'script', ['-qec', line, '/dev/null'])
    await terminal.line(/"type":"step","step":20,/)
    terminal.process.kill('SIGKILL')
    await vi.waitFor(() => expect(existsSync(join(folder, 'ended'))).toBe(true), 20_000)
    expect(readFileSync(join(folder, 'ended'), 'utf8')).toBe('129\n')
    expect(checkpoints(join(folder, 'no-terminal'))).toHaveLength(2)
  },
)

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
