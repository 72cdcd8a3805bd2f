import { execFileSync, spawnSync } from 'node:child_process'
import { lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { PfgmError } from '../../src/errors.js'
import { writeWhole } from '../../src/files/whole-file.js'
import { temporaryFolder } from '../install/helpers.js'

it('a file is whole whoever writes it at the same time, in other threads too, and nothing else is left', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'out.npy')
  // As the package writes: two workers and this thread, each a long file of its own letter.
  const library = new URL('../../dist/index.js', import.meta.url).href
  const code = `
    const { workerData } = require('node:worker_threads')
    import(workerData.library).then(async ({ Tensor }) => {
      const values = await Tensor.from(new Uint8Array(300_000).fill(workerData.letter), [300_000])
      for (let i = 0; i < 20; i++) await values.saveNpy(workerData.path)
    })`
  const write = (letter: number) =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(code, { eval: true, workerData: { library, path, letter } })
      worker.on('error', reject).on('exit', () => resolve())
    })
  const looks: Promise<void>[] = []
  const look = async () => {
    const bytes = await readFile(path).catch(() => undefined)
    if (bytes)
      expect([bytes.length % 64, new Set(bytes.subarray(-300_000)).size]).toEqual([(300_000 + 128) % 64, 1])
  }
  const timer = setInterval(() => looks.push(look()), 1)
  await Promise.all([write(65), write(66)])
  clearInterval(timer)
  await Promise.all(looks)
  expect(await readdir(folder)).toEqual(['out.npy'])
})

it('what fails half-way leaves the old file and no other', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'a.txt')
  await writeFile(path, 'before')
  const half = async (temporary: string) => {
    await writeFile(temporary, 'half')
    throw new Error(`no room in ${temporary}`)
  }
  await expect(writeWhole(path, half)).rejects.toMatchObject({ code: 'ERR_PFGM_IO' })
  expect(await readFile(path, 'utf8')).toBe('before')
  expect(await readdir(folder)).toEqual(['a.txt'])
  const typed = async (temporary: string) => {
    throw new PfgmError('ERR_PFGM_OUT_OF_MEMORY', `could not write ${temporary}`)
  }
  await expect(writeWhole(path, typed)).rejects.toMatchObject({
    code: 'ERR_PFGM_OUT_OF_MEMORY',
    message: `could not write ${path}`,
  })
})

it('what the process ends in the middle of leaves the old file and no other', async () => {
  const folder = temporaryFolder()
  await mkdir(join(folder, 'tmp'))
  const path = join(folder, 'a.txt')
  await writeFile(path, 'before')
  const files = new URL('../../dist/files/', import.meta.url).href
  const code = `
    import { writeFileSync } from 'node:fs'
    const { writeWhole } = await import('${files}whole-file.js')
    const { withTemporaryFolder } = await import('${files}temporary.js')
    await withTemporaryFolder(async (inside) => {
      writeFileSync(inside + '/weights', 'half')
      await writeWhole(${JSON.stringify(path)}, (temporary) => {
        writeFileSync(temporary, 'half')
        process.exit(3)
      })
    })`
  const env = { ...process.env, TMPDIR: join(folder, 'tmp') }
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { env })
  expect([status, stderr.toString()]).toEqual([3, ''])
  expect(await readFile(path, 'utf8')).toBe('before')
  expect((await readdir(folder, { recursive: true })).sort()).toEqual(['a.txt', 'tmp'])
})

it('a link stays, and the file it leads to is replaced', async () => {
  const folder = temporaryFolder()
  await mkdir(join(folder, 'elsewhere'))
  const [file, link] = [join(folder, 'elsewhere', 'model.json'), join(folder, 'model.json')]
  await writeFile(file, 'old')
  await symlink(file, link)
  await writeWhole(link, 'new')
  expect([await readFile(file, 'utf8'), (await lstat(link)).isSymbolicLink()]).toEqual(['new', true])
  expect(await readdir(join(folder, 'elsewhere'))).toEqual(['model.json'])
})

it('a folder, a pipe and a path with a null byte are refused, and stay as they are', async () => {
  const folder = temporaryFolder()
  await mkdir(join(folder, 'sub'))
  await expect(writeWhole(join(folder, 'sub'), 'x')).rejects.toThrow(/sub: it is a folder/)
  execFileSync('mkfifo', [join(folder, 'pipe')])
  await expect(writeWhole(join(folder, 'pipe'), 'x')).rejects.toThrow(/pipe: it is no regular file/)
  expect((await stat(join(folder, 'pipe'))).isFIFO()).toBe(true)
  await expect(writeWhole(join(folder, 'a\0b'), 'x')).rejects.toThrow(TypeError)
  await expect(writeWhole(join(folder, 'none', 'a'), 'x')).rejects.toMatchObject({ code: 'ERR_PFGM_IO' })
  expect((await readdir(folder)).sort()).toEqual(['pipe', 'sub'])
})
