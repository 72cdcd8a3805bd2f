import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { jsonLines, run, sharedFolder } from './cli.js'

const folder = sharedFolder()

it.each(['pth', 'onnx'])('writes a model as %s and says what there is to know', async (format) => {
  const ended = await run(folder, 'export', 'digits', '--out', `digits.${format}`)
  expect(ended).toMatchObject({ code: 0 })
  expect(ended.stdout).toMatch(new RegExp(`^digits\\.${format}: digits, [\\d,]+ parameters in [\\d.]+ MB\n$`))
  expect(ended.stderr.trim().split('\n')).toEqual(
    format === 'pth'
      ? [
          'warning: digits.pth has no classes, which the published code does not know: it is the network without a label',
          expect.stringContaining('warning: digits.pth has no moments of Adam to train on with'),
        ]
      : [''],
  )
  expect(statSync(join(folder, `digits.${format}`)).size).toBeGreaterThan(1e5)
})

it('--json is one object', async () => {
  const ended = await run(folder, 'export', 'digits', '--format', 'onnx', '--out', 'again.onnx', '--json')
  const bytes = readFileSync(join(folder, 'again.onnx')).length
  expect(jsonLines(ended)).toEqual([
    { type: 'end', file: 'again.onnx', bytes, parameterCount: expect.any(Number), notes: [] },
  ])
})

it.each([
  [['--out', 'digits.pt'], 'Expected --out to end in .safetensors, .pth, .onnx'],
  [['--format', 'onnx'], 'Expected --out to name the file to write but received none'],
])('%j is wrong use', async (args, message) => {
  const { code, stderr } = await run(folder, 'export', 'digits', ...args)
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) })
  expect(stderr.trim().split('\n').length).toBe(1)
})
