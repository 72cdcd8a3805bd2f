import { PfgmError } from '../errors.js'
import type { Addon, AnyHandle } from './addon.js'
import { addonCudaLibrary, loadAddon } from './load.js'

let ready: Addon | undefined
let cudaFailure = ''

/** The addon of this thread, loaded and set up at the first call. Throws `PfgmError` where it is not there. */
export function native(): Addon {
  if (ready) return ready
  const addon = loadAddon()
  addon.initialise(PfgmError)
  const cuda = addonCudaLibrary()
  if (cuda) cudaFailure = addon.loadCuda(cuda)
  ready = addon
  return addon
}

/** What the loader said where a GPU answers but libtorch's CUDA library does not load. */
export function cudaProblem(): string | undefined {
  native()
  return cudaFailure || undefined
}

// `using` needs these symbols; Node.js 20.19 and later have them.
const collected = new FinalizationRegistry<AnyHandle>((handle) => ready?.dispose(handle))

/**
 * An object whose memory lies outside V8. It is freed by `dispose()`, at the end of a `using` block, or, later, when
 * the object is collected.
 */
export abstract class NativeObject<H extends AnyHandle> implements Disposable {
  #handle: H | undefined

  protected constructor(handle: H) {
    this.#handle = handle
    collected.register(this, handle, this)
  }

  /**
   * The native handle.
   * @internal
   * @throws PfgmError `ERR_PFGM_DISPOSED`
   */
  get handle(): H {
    if (this.#handle === undefined) {
      throw new PfgmError(
        'ERR_PFGM_DISPOSED',
        `This ${this.constructor.name} was disposed of and cannot be used`,
      )
    }
    return this.#handle
  }

  /** Whether the memory was freed. */
  get disposed(): boolean {
    return this.#handle === undefined
  }

  /** Frees the memory. Safe to call twice, and while a call is under way: that call keeps what it needs. */
  dispose(): void {
    if (this.#handle === undefined) return
    collected.unregister(this)
    ready?.dispose(this.#handle)
    this.#handle = undefined
  }

  /** The same, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose()
  }
}
