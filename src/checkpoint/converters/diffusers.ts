import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PfgmError } from '../../errors.js'
import type { Converter } from './converter.js'

/** The `config.json` of a folder that diffusers wrote. */
export class DiffusersFolder {
  readonly config: Readonly<Record<string, unknown>>
  constructor(config: Readonly<Record<string, unknown>>) {
    this.config = config
  }
}

/** A network's folder, or that of a pipeline with one in `unet/`; undefined where it is another folder. */
export async function diffusersFolder(path: string): Promise<DiffusersFolder | undefined> {
  for (const file of [join(path, 'config.json'), join(path, 'unet', 'config.json')]) {
    const config = await readObject(file)
    if (config !== undefined && typeof config._class_name === 'string') return new DiffusersFolder(config)
  }
  return undefined
}

async function readObject(file: string): Promise<Record<string, unknown> | undefined> {
  try {
    const content: unknown = JSON.parse(await readFile(file, 'utf8'))
    return typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Folders of diffusers, whose networks are none that this package has: what is other in them is said. */
export const DIFFUSERS: Converter = {
  family: 'a folder of diffusers',

  recognises: (value) => value instanceof DiffusersFolder,

  convert({ path, value }) {
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected ${path} to hold a network of this package but received ${missing((value as DiffusersFolder).config)}: there is no such network here`,
    )
  },
}

function missing(config: Readonly<Record<string, unknown>>): string {
  const name = String(config._class_name)
    .replaceAll(/[^\w.]/g, '?')
    .slice(0, 100)
  if (name !== 'UNet2DModel') return `the ${name} of diffusers`
  const blocks = [config.down_block_types, config.up_block_types].flat().map(String)
  return blocks.some((block) => block.startsWith('AttnUp'))
    ? 'a UNet2DModel of diffusers that attends after every block on the way up'
    : `a UNet2DModel of diffusers of ${[...new Set(blocks)]
        .join(', ')
        .replaceAll(/[^\w, ]/g, '?')
        .slice(0, 200)}`
}
