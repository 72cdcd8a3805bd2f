import { readFile } from 'node:fs/promises'
import { parse } from '../arguments/schema.js'
import { UsageError } from './errors.js'
import type { Kind, Kinds } from './kinds.js'

/** Reads a JSON object whose keys are all known and whose values are of their kinds; `$schema`, for editors, says nothing. */
export async function readConfigFile(path: string, kinds: Kinds): Promise<Record<string, unknown>> {
  const content = parseJson(path, await readText(path))
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new UsageError(`Expected ${path} to hold a JSON object but received ${JSON.stringify(content)}`)
  }
  const { $schema, ...given } = content as Record<string, unknown>
  const entries = Object.entries(given).map(([key, value]) => {
    const kind = kinds[key]
    if (kind) return [key, parseValue(path, key, kind, value)]
    const known = Object.keys(kinds).join(', ')
    throw new UsageError(`Expected the keys of ${path} to be among ${known} but received ${key}`)
  })
  return Object.fromEntries(entries)
}

function parseValue(path: string, key: string, { schema, expected }: Kind<unknown>, value: unknown): unknown {
  try {
    return parse(key, schema, value)
  } catch (error) {
    if (typeof value === 'object' && value !== null) {
      throw new UsageError(`${path}: ${(error as Error).message}`)
    }
  }
  throw new UsageError(`Expected ${key} in ${path} to be ${expected} but received ${JSON.stringify(value)}`)
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : message
    throw new UsageError(`Expected --config to name a JSON file but received ${path}: ${why}`, { cause })
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new UsageError(`Expected ${path} to be JSON: ${(cause as Error).message}`, { cause })
  }
}
