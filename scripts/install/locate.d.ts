/** What an addon was built from and for; kept beside it as pfgm_torch.json. */
export interface AddonMeta {
  packageVersion: string
  sourceHash: string
  libtorch: {
    /** folder that holds lib/ and include/ */
    path: string
    version: string
    /** version of CUDA that this libtorch is built for; null for a CPU build */
    cuda: string | null
  }
  compiler: string
  platform: string
  arch: string
  cpuFlagsNeeded: string[]
  /** the checkout that it was built in; missing for an installed package */
  clone?: string
}

export interface LocatedAddon {
  file: string
  /** how it was found: PFGM_ADDON, prebuilds/, the cache, build/Release */
  origin: 'env' | 'prebuild' | 'cache' | 'build'
  /** missing where no pfgm_torch.json lies beside the addon */
  meta?: AddonMeta
}

export interface AddonProblem {
  cause:
    | 'no-addon'
    | 'no-libtorch'
    | 'other-libtorch'
    | 'cpu'
    | 'musl'
    | 'glibc'
    | 'arch'
    | 'damaged'
    | 'crash'
    | 'unknown'
  message: string
}

export declare const ADDON_NAME: string
export declare const META_NAME: string

/** The addon to load; undefined where none is built from the sources that are here. */
export declare function locateAddon(env?: Record<string, string | undefined>): LocatedAddon | undefined

/** What keeps an addon from being loaded, as far as can be told without loading it. */
export declare function addonProblem(addon: LocatedAddon, cpuinfo?: string): AddonProblem | undefined

/** The addon that the package carries for this platform, whatever libtorch it is for. */
export declare function prebuildFile(): string | undefined

/** What the memory of the current addon keeps about its folder. */
export declare function currentEntry(folder: string): { folder: string }
