import type { Command } from 'commander'
import { expectWritable } from './out-file.js'

/** Where the command that runs is to write its profile. */
let file: string | undefined
let begun = false

const nativeProfile = () => import('../native/profile.js')

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
export async function beginProfile(): Promise<void> {
  if (file === undefined || begun) return
  const { startProfile } = await nativeProfile()
  startProfile()
  begun = true
}

/** Writes what was recorded, where anything was. */
export async function endProfile(): Promise<void> {
  if (begun) {
    const { writeProfile } = await nativeProfile()
    await writeProfile(file!)
  }
  begun = false
}
