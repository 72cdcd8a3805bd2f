import { once } from 'node:events'
import { basename, extname } from 'node:path'
import type { Command } from 'commander'
import { ensureAddonWith } from './addon.js'
import { UsageError } from './errors.js'
import { interruptible } from './interrupt.js'
import { BYTES, INTEGER, oneOf, PORT, TEXT } from './kinds.js'
import { DEVICE_OPTION, THREADS_OPTION } from './machine-options.js'
import { addCommonFlags, addOptions, type CommonFlags, readSettings } from './options.js'
import { printHint, printJson, printLine } from './output.js'

const LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const

const OPTIONS = {
  host: { kind: TEXT, value: 'address', help: 'where to listen (default: 127.0.0.1, this machine alone)' },
  port: { kind: PORT, value: 'n', help: 'default: 8000; 0: any that is free' },
  token: {
    kind: TEXT,
    value: 'text',
    help: 'what requests must have as a bearer token (default: PFGM_TOKEN, or none)',
  },
  memory: {
    kind: BYTES,
    value: 'size',
    help: 'most memory for the weights of models, as in 2GB; others are unloaded (default: all stay loaded)',
  },
  maxRows: { kind: INTEGER, value: 'n', help: 'most samples of a model under way at once (default: 64)' },
  queueLimit: { kind: INTEGER, value: 'n', help: 'most samples of a model that wait (default: 1024)' },
  maxCount: { kind: INTEGER, value: 'n', help: 'most samples of a request (default: 64)' },
  maxEvaluations: { kind: INTEGER, value: 'n', help: 'most evaluations of a sample (default: 1000)' },
  logLevel: { kind: oneOf(LEVELS), value: 'level', help: `${LEVELS.join(', ')} (default: info)` },
  ...DEVICE_OPTION,
  ...THREADS_OPTION,
} as const

const EXAMPLES = `
A model may be given a name, which requests have for it: name=run. Others are called as their file or folder.

Examples:
  npx pfgm-torch serve digits
  npx pfgm-torch serve digits mine=runs/photos --port 9000
  curl 'http://127.0.0.1:8000/v1/samples?seed=3&zoom=8' --output three.png
  http://127.0.0.1:8000/docs                          in a browser: all that it answers`

export function define(command: Command): void {
  command
    .description(
      'Serves models over HTTP: a page to play with them, pictures by URL, and the interface of OpenAI for images.',
    )
    .argument('<models...>', 'run folders, model files, or digits or fashion; with a name as name=folder')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runServe)
}

async function runServe(given: string[], flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  const models = modelsOf(given)
  await ensureAddonWith(settings)
  const { host = '127.0.0.1', port = 8000, token = process.env.PFGM_TOKEN, logLevel = 'info' } = settings
  const { device, memory, maxRows, queueLimit, maxCount, maxEvaluations } = settings
  if (!isLoopback(host) && !token)
    printHint(
      `warning: everybody who reaches ${host} may ask for samples: --token, or PFGM_TOKEN, asks for one`,
    )
  // Late: it is as much as all the rest, for this command alone.
  const { createService } = await import('../server/serve.js')
  const app = await createService({
    models,
    tokens: token ? [token] : [],
    logLevel,
    limits: {
      ...(maxCount !== undefined && { count: maxCount }),
      ...(maxEvaluations !== undefined && { evaluations: maxEvaluations }),
    },
    ...(device && { device }),
    ...(memory !== undefined && { memory }),
    ...(maxRows !== undefined && { maxRows }),
    ...(queueLimit !== undefined && { queueLimit }),
  })
  await interruptible(
    async (signal) => {
      const ended = once(signal, 'abort')
      const url = await app.listen({ host, port })
      if (flags.json) printJson({ type: 'listening', url })
      else printLine(`${url} serves ${Object.keys(models).join(', ')}; Ctrl-C ends it`)
      await ended
      await app.close()
    },
    () => printHint('what was asked for is drawn to its end'),
  )
}

/** By the names that requests have for them. */
function modelsOf(given: readonly string[]): Record<string, string> {
  const models: Record<string, string> = {}
  for (const each of given) {
    const at = each.indexOf('=')
    const path = each.slice(at + 1)
    const name = at > 0 ? each.slice(0, at) : basename(path, extname(path))
    if (name in models)
      throw new UsageError(
        `Expected models of different names but received two called ${name}: name one, as ${name}2=${path}`,
      )
    models[name] = path
  }
  return models
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.')
