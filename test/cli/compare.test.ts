import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { npyBytes } from '../data/npy-file.js'
import { run, sharedFolder } from './cli.js'

const folder = sharedFolder()
const FIGURES = fileURLToPath(new URL('../../docs/report/digits-quick/figures.json', import.meta.url))

beforeAll(() => {
  for (const name of ['whole', 'damaged']) mkdirSync(join(folder, name))
  cpSync(FIGURES, join(folder, 'whole', 'figures.json'))
  writeFileSync(join(folder, 'damaged', 'figures.json'), readFileSync(FIGURES).subarray(0, 1000))
  writeFileSync(join(folder, 'wide.npy'), npyBytes('|u1', [4, 9, 12], new Uint8Array(432)))
})

describe('compare', () => {
  it('writes the report of what was measured, and measures nothing twice', async () => {
    const args = ['compare', 'digits', '--quick', '--out', 'whole', '--json']
    const { code, stdout, stderr } = await run(folder, ...args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ type: 'end', report: join('whole', 'report.html') })
    expect(readFileSync(join(folder, 'whole', 'report.html'), 'utf8')).toContain('measured on digits')
    expect(readFileSync(join(folder, 'whole', 'figures.json'))).toEqual(readFileSync(FIGURES))
    expect(existsSync(join(folder, 'whole', 'models'))).toBe(false)
  })

  it.each([
    [
      'compare digits --out whole',
      2,
      /whole to be a new folder or one of 1797 x \[1, 8, 8\] of digits but received one of .*quick/,
    ],
    [
      'compare digits --quick --out damaged',
      1,
      /figures\.json: expected the figures of a comparison .*delete it/,
    ],
    ['compare two-moons --quick', 2, /images with sides of even length .* received items of \[2\]/],
    ['compare npy:wide.npy --quick', 2, /images with sides of even length .* received items of \[1, 9, 12\]/],
    ['compare digits --quick --out wide.npy', 1, /wide\.npy/],
    ['compare digits --size 8', 2, /size .*digits/],
  ] as const)('pfgm-torch %s: exit code %i', async (line, exitCode, says) => {
    const { code, stdout, stderr } = await run(folder, ...line.split(' '))
    expect({ code, stdout }, stderr).toEqual({ code: exitCode, stdout: '' })
    expect(stderr).toMatch(says)
  })
})
