import { fileURLToPath } from 'node:url'
import { parse } from '../arguments/schema.js'
import { expectPath } from '../check.js'
import { hashOfFile } from '../files/read.js'
import type { TensorFile } from '../files/tensor-file.js'
import { readTorchFile } from '../files/torch-file.js'
import type { FeatureNetworkHandle } from '../native/addon.js'
import { NativeObject, native } from '../native/native.js'
import { readTensors } from '../native/read-tensors.js'
import { SHAPE, TENSOR, Tensor } from '../tensor/tensor.js'

/** Networks of features that come with the package: `fashion`, a classifier of Fashion-MNIST for grey pictures of 28 x 28. */
export const SHIPPED_FEATURES = ['fashion'] as const

const isShipped = (name: string): boolean => (SHIPPED_FEATURES as readonly string[]).includes(name)

/** Pytorch-fid's Inception network where a file has its weights; undefined where it is something else. */
async function inceptionOf(path: string): Promise<FeatureNetworkHandle | undefined> {
  let file: TensorFile
  try {
    file = await readTorchFile(path)
  } catch {
    return undefined // what it is instead is for the reader of TorchScript to say
  }
  const network = await native().createInceptionNetwork()
  try {
    await readTensors(network, file)
  } catch (error) {
    native().dispose(network)
    throw error
  }
  return network
}

/** Features of pictures `[n, F]` and, where the network gives them, probabilities of classes `[n, classes]`. */
export interface Seen {
  /** `[n, F]`. Yours to dispose of. */
  readonly features: Tensor<'float32'>
  /** `[n, classes]`. Yours to dispose of. */
  readonly probabilities: Tensor<'float32'> | undefined
}

/** Shows pictures to a network. */
export interface Sees {
  of(images: Tensor): Promise<Seen>
}

/** What a network sees in pictures: that of sets of pictures is compared where their pixels would say little. */
export class FeatureNetwork extends NativeObject<FeatureNetworkHandle> implements Sees {
  /** What distances between its features are called by: the shipped one's name, or the file's path. */
  readonly name: string
  /** Digits that tell its file from others. */
  readonly fingerprint: string

  private constructor(handle: FeatureNetworkHandle, name: string, fingerprint: string) {
    super(handle)
    this.name = name
    this.fingerprint = fingerprint
  }

  /**
   * Reads a TorchScript file (`torch.jit.save`) whose `forward()` takes pictures `[n, 1 or 3, H, W]` of bytes. One with an
   * argument `return_features`, as StyleGAN2-ADA's `inception-2015-12-05.pt` has it, is asked for features with it and for
   * probabilities of classes without; another one gives features, alone or with probabilities behind them. The file is a
   * program: take it from those you trust. A file of `torch.save` is read as the state dict of the Inception network that
   * pytorch-fid has (`pt_inception-2015-12-05-6726825d.pth`), which runs nothing.
   * @param name a path, or one of `SHIPPED_FEATURES`
   * @throws PfgmError `ERR_PFGM_IO` where there is no file, `ERR_PFGM_DATA` where it is no TorchScript,
   *   `ERR_PFGM_CHECKPOINT` where it has other tensors than that Inception network
   */
  static async load(name: string): Promise<FeatureNetwork> {
    expectPath('name', name)
    const path = isShipped(name)
      ? fileURLToPath(new URL(`../../models/${name}-features.pt`, import.meta.url))
      : name
    const network = (await inceptionOf(path)) ?? (await native().loadFeatureNetwork(path))
    return new FeatureNetwork(network, name, await hashOfFile(path))
  }

  /**
   * The one that comes with the package for items of such a shape; undefined where there is none.
   * @param shape `[channels, height, width]`
   */
  static async ofItems(shape: readonly number[]): Promise<FeatureNetwork | undefined> {
    return parse('shape', SHAPE, shape).join() === '1,28,28' ? FeatureNetwork.load('fashion') : undefined
  }

  /**
   * Of pictures `[n, channels, H, W]`, rounded to bytes as a PNG has them: features `[n, F]` and, where the network gives
   * them, probabilities `[n, classes]`. Grey pictures are given as three equal channels to networks that take colour.
   */
  async of(images: Tensor): Promise<Seen> {
    parse('images', TENSOR, images)
    const { features, probabilities } = await native().featuresOf(this.handle, images.handle)
    return {
      features: new Tensor<'float32'>(features),
      probabilities: probabilities && new Tensor<'float32'>(probabilities),
    }
  }
}
