import { readFileSync } from 'node:fs'
import type { Command, Help } from 'commander'
import { PRESETS, preset, type TrainingSettings } from '../train/presets.js'

interface Setting {
  readonly description?: string
  readonly default?: unknown
}

interface FlowSchema {
  readonly properties: Readonly<Record<string, Setting>> & {
    readonly kind: Setting & { readonly const: string }
  }
}

/** Ships with the package; `scripts/config-schema.js` makes it of the settings' own schemas and comments. */
const SCHEMA = new URL('../../schema/config.json', import.meta.url)

const PRESET_COLUMNS = {
  steps: 'steps',
  batchSize: 'batch',
  smallBatchSize: 'small',
  learningRate: 'rate',
  warmup: 'warmup',
  clipNorm: 'clip',
  emaRate: 'ema',
} as const satisfies Partial<Record<keyof TrainingSettings, string>>

/** The settings of all flows, and what presets give where options are left out. */
export function defaultsHelp(command: Command): string {
  const help = command.createHelp()
  help.prepareContext({ helpWidth: (process.stdout.columns ?? 80) - 2 })
  return `\n${flowsHelp(help)}\n\n${presetsHelp()}`
}

function flowsHelp(help: Help): string {
  const rows = rowsOf(flowSchemas())
  const width = Math.max(...rows.map(({ name }) => name.length))
  const groups = [...new Set(rows.map(({ kinds }) => kinds.join(', ')))]
  const lines = groups.flatMap((group) => [
    `  ${group}:`,
    ...rows
      .filter(({ kinds }) => kinds.join(', ') === group)
      .map(({ name, text }) => help.formatItem(name, width, text, help).replace(/^/gm, '  ')),
  ])
  return ['Settings of flows (--flow pfgm,gamma=3):', ...lines].join('\n')
}

interface Row {
  readonly name: string
  readonly text: string
  /** The kinds of flows that have it alike. */
  readonly kinds: string[]
}

function rowsOf(schemas: readonly FlowSchema[]): Row[] {
  const rows: Row[] = []
  for (const { properties } of schemas) {
    for (const [name, setting] of Object.entries(properties)) {
      if (name === 'kind') continue
      const text = wording(setting)
      const alike = rows.find((row) => row.name === name && row.text === text)
      if (alike) alike.kinds.push(properties.kind.const)
      else rows.push({ name, text, kinds: [properties.kind.const] })
    }
  }
  return rows
}

function wording({ description = '', ...setting }: Setting): string {
  const usual = 'default' in setting ? String(setting.default) : 'from the data'
  return `${description.replace(/\.$/, '')} (default: ${usual})`
}

function flowSchemas(): FlowSchema[] {
  const { properties } = JSON.parse(readFileSync(SCHEMA, 'utf8'))
  return properties.flow.anyOf
}

function presetsHelp(): string {
  const names = Object.keys(PRESET_COLUMNS) as (keyof typeof PRESET_COLUMNS)[]
  const rows = PRESETS.map((name) => {
    const { training } = preset(name)
    return [name, ...names.map((setting) => String(Number(training[setting].toPrecision(6))))]
  })
  const head = ['', ...names.map((name) => PRESET_COLUMNS[name])]
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length)))
  const lines = [head, ...rows].map((row) =>
    `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')}`.trimEnd(),
  )
  return ['Where not given, as the preset has it:', ...lines].join('\n')
}
