/** A setting of several runs. */
export interface Row {
  /** `training.steps` */
  readonly setting: string
  /** As text, one a run; a dash for a run that does not have it. */
  readonly values: readonly string[]
  readonly isShared: boolean
}

/** The settings of configurations, each on a row, in the order of the first that has it. */
export function rowsOf(configs: readonly unknown[]): Row[] {
  const flat = configs.map((config) => new Map(flattened(config)))
  const settings = [...new Set(flat.flatMap((each) => [...each.keys()]))]
  return settings.map((setting) => {
    const values = flat.map((each) => each.get(setting) ?? '–')
    return { setting, values, isShared: values.every((value) => value === values[0]) }
  })
}

function inWords(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(6)))
  return typeof value === 'string' ? value : JSON.stringify(value).replaceAll(',', ', ')
}

function flattened(value: unknown, path = ''): [string, string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [[path, inWords(value)]]
  }
  return Object.entries(value).flatMap(([name, each]) =>
    flattened(each, path === '' ? name : `${path}.${name}`),
  )
}
