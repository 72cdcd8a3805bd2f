import type { Command } from 'commander'
import { startProfile, writeProfile } from '../native/profile.js'
import { expectWritable } from './out-file.js'

/** Where the command that runs is to write its profile. */
let file: string | undefined
let begun = false

/** Adds the flag to a command. */
export function addProfileFlag(command: Command): void {
  command
    .option('--profile <file>', 'write where the time goes, a .json for ui.perfetto.dev')
    .hook('preAction', async () => {
      const { profile } = command.opts<{ profile?: string }>()
      if (profile !== undefined) await expectWritable(profile, '.json', '--profile')
      file = profile
    })
}

/** Recording begins, as soon as the addon is there. */
export function beginProfile(): void {
  if (file === undefined || begun) return
  startProfile()
  begun = true
}

/** Writes what was recorded, where anything was. */
export async function endProfile(): Promise<void> {
  if (begun) await writeProfile(file!)
  begun = false
}
