import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { figuresSchema } from '../../src/compare/figures.js'
import { run, sharedFolder, start } from '../cli/cli.js'

const folder = sharedFolder()

describe.runIf(process.env.PFGM_LONG)('compare digits --quick', () => {
  it(
    'goes on where it was broken off, and writes a report with everything measured',
    async () => {
      const out = join(folder, 'quick')
      const args = ['compare', 'digits', '--quick', '--out', out, '--json']
      const running = start(folder, ...args)
      const model = join(out, 'models', 'unet-pfgm-0', 'config.json')
      while (!existsSync(model)) await new Promise((resolve) => setTimeout(resolve, 50))
      running.process.kill('SIGTERM')
      const broken = await running.ended
      expect(broken).toMatchObject({ code: 143, stdout: '' })
      expect(broken.stderr).toContain('go on with: npx pfgm-torch compare digits')
      const before = readParts(out)
      expect(Object.keys(before).length).toBeGreaterThan(0)
      expect(await run(folder, ...args)).toMatchObject({ code: 0 })
      expect(readParts(out)).toMatchObject(before)
      expect(readFileSync(join(out, 'report.html'), 'utf8')).not.toContain('Not measured')
    },
    30 * 60_000,
  )
})

const readParts = (out: string) =>
  figuresSchema.parse(JSON.parse(readFileSync(join(out, 'figures.json'), 'utf8'))).parts
