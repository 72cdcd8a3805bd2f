import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { findLibtorch, inspectLibtorch } from '../../scripts/install/libtorch.js'
import { isSupported, pinnedArchive, pinnedFolder, pipRequirement } from '../../scripts/install/release.js'
import { resolveLibtorch } from '../../scripts/install/resolve.js'
import { fakeLibtorch, fakePython, put, setVersion, temporaryFolder, zip } from './helpers.js'

const quiet = { download: false, onProgress: () => {} }

beforeEach(() => {
  for (const name of ['PFGM_LIBTORCH', 'PFGM_LIBTORCH_URL']) vi.stubEnv(name, undefined)
  vi.stubEnv('PFGM_CACHE', temporaryFolder())
})
afterEach(() => void vi.unstubAllEnvs())

/** A Python whose torch is the folder; without one, a Python that has no torch. */
function stubPython(torch = ''): void {
  const origin = torch && `${torch}/__init__.py`
  vi.stubEnv('PATH', fakePython(join(temporaryFolder(), 'bin'), `echo "${origin}"`))
}

describe('a folder', () => {
  it('is taken for what it states', async () => {
    const folder = fakeLibtorch(join(temporaryFolder(), 'libtorch'), '2.12.1')
    expect(inspectLibtorch(folder).libtorch).toEqual({ path: folder, version: '2.12.1', cuda: null })
    expect(inspectLibtorch(join(folder, '..')).libtorch?.path).toBe(folder)
  })

  it('of a CUDA build says so', async () => {
    const folder = fakeLibtorch(temporaryFolder())
    put(join(folder, 'lib/libtorch_cuda.so'), '')
    put(join(folder, 'build-version'), '2.13.0+cu130\n')
    expect(inspectLibtorch(folder).libtorch?.cuda).toBe('13.0')
    put(join(folder, 'version.py'), "__version__ = '2.13.0+cu126'\ncuda: Optional[str] = '12.6'\n")
    expect(inspectLibtorch(folder).libtorch?.cuda).toBe('12.6')
  })

  it('that is none, or not there, is refused', () => {
    const folder = temporaryFolder()
    expect(inspectLibtorch(folder).reason).toMatch('is not a libtorch folder: share/cmake/Torch is missing')
    expect(inspectLibtorch(join(folder, 'no')).reason).toMatch('does not exist')
  })

  it('that is too old is refused', async () => {
    const folder = fakeLibtorch(temporaryFolder(), '2.10.2')
    expect(inspectLibtorch(folder).reason).toBe(`${folder} is libtorch 2.10.2, and 2.11 or newer is needed`)
  })

  it('that lacks a part is refused', async () => {
    const folder = fakeLibtorch(temporaryFolder())
    rmSync(join(folder, 'lib/libc10.so'))
    expect(inspectLibtorch(folder).reason).toMatch('is not a whole libtorch: lib/libc10.so is missing')
  })

  it.runIf(process.platform === 'linux')(
    'whose library is cut short, or for other processors, is refused',
    async () => {
      const folder = fakeLibtorch(temporaryFolder())
      const library = join(folder, 'lib/libtorch_cpu.so')
      const bytes = readFileSync(library)
      bytes.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18)
      writeFileSync(library, bytes)
      expect(inspectLibtorch(folder).reason).toMatch(/it is for (arm64|x64) processors/)
      truncateSync(library, 100_000)
      expect(inspectLibtorch(folder).reason).toMatch('lib/libtorch_cpu.so is cut short')
    },
  )
})

describe('finding', () => {
  it("prefers what is named, then Python's, then the cache's", async () => {
    const [named, torch] = [fakeLibtorch(temporaryFolder()), fakeLibtorch(temporaryFolder())]
    fakeLibtorch(pinnedFolder())
    stubPython(torch)
    vi.stubEnv('PFGM_LIBTORCH', named)
    expect(await resolveLibtorch({ ...quiet, libtorch: torch })).toMatchObject({
      from: '--libtorch',
      libtorch: { path: torch },
    })
    expect(await resolveLibtorch(quiet)).toMatchObject({ from: 'PFGM_LIBTORCH', libtorch: { path: named } })
    vi.stubEnv('PFGM_LIBTORCH', undefined)
    expect(await resolveLibtorch(quiet)).toMatchObject({
      from: 'the torch of python3',
      libtorch: { path: torch },
    })
    stubPython()
    expect(await resolveLibtorch(quiet)).toMatchObject({
      from: 'the cache',
      libtorch: { path: pinnedFolder() },
    })
  })

  it("passes over a Python's torch that is too old, and says so", async () => {
    const torch = fakeLibtorch(temporaryFolder(), '2.4.0')
    stubPython(torch)
    expect((await findLibtorch()).libtorch).toBeUndefined()
    await expect(resolveLibtorch(quiet)).rejects.toThrow(
      /No libtorch .*is libtorch 2\.4\.0.*`npx pfgm-torch setup`/,
    )
    fakeLibtorch(pinnedFolder())
    expect(await findLibtorch()).toMatchObject({
      from: 'the cache',
      refused: [expect.stringContaining('2.4.0')],
    })
  })

  it('does not go on where what is named cannot be used', async () => {
    const folder = fakeLibtorch(temporaryFolder(), '2.13.0')
    stubPython(folder)
    setVersion(folder, '1.13.0')
    vi.stubEnv('PFGM_LIBTORCH', folder)
    await expect(resolveLibtorch(quiet)).rejects.toThrow(
      /PFGM_LIBTORCH does not name .* is libtorch 1\.13\.0/,
    )
  })
})

describe('an archive', () => {
  it('is unpacked into the cache once', async () => {
    const folder = temporaryFolder()
    fakeLibtorch(join(folder, 'libtorch'))
    const archive = await zip(folder, 'libtorch', join(folder, 'own.zip'))
    const first = await resolveLibtorch({ ...quiet, libtorch: archive })
    expect(first.libtorch.path).toMatch(/libtorch.archive-[0-9a-f]{12}$/)
    rmSync(join(first.libtorch.path, 'lib/libc10.so')) // would be there again if it were unpacked again
    await expect(resolveLibtorch({ ...quiet, libtorch: archive })).rejects.toThrow('libc10.so is missing')
  })

  it('that is damaged, or holds something else, leaves nothing behind', async () => {
    const folder = temporaryFolder()
    put(join(folder, 'other/file'), 'text')
    const other = await zip(folder, 'other', join(folder, 'other.zip'))
    await expect(resolveLibtorch({ ...quiet, libtorch: other })).rejects.toThrow('does not hold a libtorch')
    put(join(folder, 'broken.zip'), 'not an archive')
    await expect(resolveLibtorch({ ...quiet, libtorch: join(folder, 'broken.zip') })).rejects.toThrow(
      'could not be unpacked',
    )
    expect(readdirSync(join(process.env.PFGM_CACHE ?? '', 'libtorch'))).toEqual([])
  })
})

describe('the pinned release', () => {
  it('is the CPU build everywhere', () => {
    expect(pinnedArchive({}, 'linux-x64')?.url).toContain('/libtorch/cpu/')
    expect(pinnedArchive({}, 'win32-x64')).toBeUndefined()
    expect(pipRequirement('linux')).toBe('torch==2.13.0+cpu')
    expect(pipRequirement('darwin')).toBe('torch==2.13.0')
  })

  it('can come from a mirror, under the same checksum or one of its own', () => {
    const official = pinnedArchive({}, 'linux-x64')
    const mirror = pinnedArchive({ PFGM_LIBTORCH_URL: 'http://mirror/a.zip' }, 'linux-x64')
    expect(mirror).toEqual({ ...official, url: 'http://mirror/a.zip' })
    const own = `http://mirror/a.zip#sha256=${'A'.repeat(64)}`
    expect(pinnedArchive({ PFGM_LIBTORCH_URL: own }, 'win32-x64')).toEqual({
      url: 'http://mirror/a.zip',
      sha256: 'a'.repeat(64),
    })
    const wrong = (url: string) => () => pinnedArchive({ PFGM_LIBTORCH_URL: url }, 'win32-x64')
    expect(wrong('mirror/a.zip')).toThrow("should be a URL and is 'mirror/a.zip'")
    expect(wrong('http://mirror/a.zip')).toThrow('should end with #sha256=')
  })

  it('and later ones are supported', () => {
    expect(['2.11.0', '2.13.0', '2.20.0', '3.0.0'].every(isSupported)).toBe(true)
    expect(['2.10.9', '2.2.0', '1.13.1'].some(isSupported)).toBe(false)
  })
})
