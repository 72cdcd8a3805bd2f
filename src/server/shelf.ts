import { fingerprintOf } from '../model/fingerprint.js'
import { info } from '../native/device.js'
import { createSampler, type Sampler, type SamplerOptions } from '../sampler/sampler.js'

/** A model that is served. */
export interface Served {
  readonly name: string
  /** Of its file. */
  readonly fingerprint: string
  readonly sampler: Sampler
}

/** The models of a service, by their names. */
export class Shelf {
  readonly #served: readonly Served[]

  private constructor(served: readonly Served[]) {
    this.#served = served
  }

  /**
   * @param models names that requests have for models, and what `PoissonFlow.load` takes
   * @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is no model
   */
  static async open(
    models: Readonly<Record<string, SamplerOptions['model']>>,
    options: Omit<SamplerOptions, 'model'>,
  ): Promise<Shelf> {
    const served: Served[] = []
    for (const [name, model] of Object.entries(models)) {
      const sampler = await createSampler({ ...options, model })
      served.push({ name, sampler, fingerprint: await fingerprintOf(sampler.model) })
    }
    return new Shelf(served)
  }

  get all(): readonly Served[] {
    return this.#served
  }

  /**
   * The model of a name, or the only one there is.
   * @throws Error of status 404 where there is none of the name, 400 where one must be named
   */
  expect(name: string | undefined): Served {
    const isAlone = name === undefined && this.#served.length === 1
    const served = this.#served.find((each) => isAlone || each.name === name)
    if (served) return served
    const names = this.#served.map((each) => each.name).join(', ')
    const received = name === undefined ? 'none' : JSON.stringify(name)
    throw Object.assign(new Error(`Expected model to be one of ${names} but received ${received}`), {
      statusCode: name === undefined ? 400 : 404,
    })
  }

  /** @throws Error of status 404 where there is none */
  withFingerprint(fingerprint: string): Served {
    const served = this.#served.find((each) => each.fingerprint === fingerprint)
    if (served) return served
    throw Object.assign(
      new Error(
        `Expected the fingerprint of a model, as /v1/models has it, but received ${fingerprint.slice(0, 100)}`,
      ),
      { statusCode: 404 },
    )
  }

  /** Takes nothing more and frees the models as soon as what was asked for is drawn. */
  async close(): Promise<void> {
    await Promise.all(this.#served.map(({ sampler }) => sampler.close()))
  }
}

/** What samples depend on beside their model and settings. */
export function arithmetic(): string {
  const { version, libtorch, instructions, fieldKernel } = info()
  return [version, libtorch, instructions, fieldKernel].join(' ')
}
