import { realpath } from 'node:fs/promises'

/** @throws RangeError where a file is written that is read: it would lose what is not written */
export async function expectAnotherFile(source: string, out: string): Promise<void> {
  const [from, to] = await Promise.all([source, out].map((path) => realpath(path).catch(() => undefined)))
  if (from !== undefined && from === to)
    throw new RangeError(`Expected out to be another file than source but received ${out} for both`)
}
