import { FUNCTION, optionsSchema, parse, parseOptions, SIGNAL } from '../arguments/schema.js'
import { expectPath } from '../check.js'
import { PfgmError } from '../errors.js'
import { dataError, readBytes, reason } from '../files/read.js'
import { MODEL, type Model } from '../model/model.js'
import { checkedTable, type MultistepTable, tableOf } from '../ode/multistep-methods/table.js'
import { SOLVER_FIELDS, type SolverSettings, solverOptions } from '../ode/solver-options.js'
import { preparedSolver } from './prepared-solver.js'

interface TableOptions {
  signal?: AbortSignal
  onSearch?: (fraction: number, what: string) => void
}

const SETTINGS_SCHEMA = optionsSchema<SolverSettings>(SOLVER_FIELDS)
const TABLE_SCHEMA = optionsSchema<TableOptions>({ signal: SIGNAL, onSearch: FUNCTION })

/**
 * Reads a table from a JSON file, as `JSON.stringify` writes it.
 * @throws PfgmError `ERR_PFGM_DATA` where the file is missing or holds something else, saying what
 */
export async function readMultistepTable(path: string): Promise<MultistepTable> {
  expectPath('path', path)
  const text = (await readBytes(path)).toString('utf8')
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (cause) {
    throw dataError(path, 'JSON', `something else: ${reason(cause)}`, { cause })
  }
  try {
    return checkedTable(content, path)
  } catch (cause) {
    throw new PfgmError('ERR_PFGM_DATA', reason(cause), { cause })
  }
}

/**
 * The table of a multistep solver along given heights, from a model's z_max to its z_min: with it as `solverTable` the
 * samples are the same to the bit. What learns a table can start from it.
 * @param settings dpm2m, dpm3m, unipc, ipndm or deis; a schedule to be searched is searched first
 * @throws RangeError for another solver
 */
export async function multistepTable(
  model: Model,
  settings: SolverSettings,
  options: TableOptions = {},
): Promise<MultistepTable> {
  parse('model', MODEL, model)
  const checked = solverOptions(parse('settings', SETTINGS_SCHEMA, settings))
  const { signal, onSearch } = parseOptions('multistepTable', TABLE_SCHEMA, options)
  const { solver } = await preparedSolver(model, checked, model.flow.far.height, {
    signal,
    onProgress: onSearch,
  })
  if (solver.kind !== 'multistep') {
    throw new RangeError(
      `Expected solver to be a multistep method along given heights but received ${checked.solver}`,
    )
  }
  return tableOf(solver.method, [...solver.steps.heights])
}
