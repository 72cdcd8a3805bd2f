import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CALLS, publicFunctions } from './hostile/exports.js'

const RUN = fileURLToPath(new URL('hostile/run.js', import.meta.url))
const CALLS_EACH = 1000
const SEEDS = process.env.PFGM_LONG ? 20 : 1
/** A call that takes longer hangs. */
const PATIENCE = 20_000

it('every public function has a call to begin with', () => {
  expect(Object.keys(CALLS).sort()).toEqual(publicFunctions().sort())
})

describe('any arguments: a call gives a value or an error of the package that says why', () => {
  it.each(Array.from({ length: SEEDS }, (_, i) => i + 1))(
    `${CALLS_EACH} calls of seed %i`,
    async (seed) => {
      const { last, code, hung, end } = await calls(seed)
      expect({ hung, code }, `the last call was ${last}`).toEqual({ hung: false, code: 0 })
      expect(end?.failures).toEqual([])
      // Most of what is called must not be refused at the first look.
      expect(end?.passed).toBeGreaterThan(CALLS_EACH / 5)
    },
    600_000,
  )
})

interface End {
  readonly passed: number
  readonly failures: { call: string; why: string; error: string }[]
}

/** Makes the calls of a seed in a process and a folder of their own. */
async function calls(seed: number) {
  const folder = mkdtempSync(join(tmpdir(), 'pfgm-hostile-'))
  const child = spawn(process.execPath, [RUN, String(seed), String(CALLS_EACH)], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  let [last, hung] = ['none', false]
  let end: End | undefined
  const giveUp = () => {
    hung = true
    child.kill('SIGKILL')
  }
  let timer = setTimeout(giveUp, PATIENCE)
  for await (const line of createInterface({ input: child.stdout })) {
    clearTimeout(timer)
    timer = setTimeout(giveUp, PATIENCE)
    const said = JSON.parse(line)
    if (said.kind === 'call') last = said.call
    else end = said
  }
  clearTimeout(timer)
  const code = await exited
  rmSync(folder, { recursive: true, force: true })
  return { last, code, hung, end }
}
