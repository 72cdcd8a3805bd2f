import { array } from './array.js'
import { cifar10, cifar100 } from './cifar.js'
import { digits } from './digits.js'
import { folder } from './folder.js'
import { idx } from './idx.js'
import { images } from './images.js'
import { fashion, mnist } from './mnist.js'
import { npy } from './npy.js'
import { npz } from './npz.js'
import { parquet, tar, zip } from './packed/packed.js'
import { toy } from './toys.js'

export type { ArrayOptions } from './array.js'
export type { Cifar10Options, Cifar100Options } from './cifar.js'
export type { AnyDataset, Dataset, MappedValues, Values } from './dataset.js'
export type { Channels } from './decode.js'
export type { OnReading } from './decode-all.js'
export type { FolderOptions } from './folder.js'
export type { IdxOptions } from './idx.js'
export { IMAGE_EXTENSIONS } from './image-files.js'
export type { ImagesOptions } from './images.js'
export type { MnistOptions } from './mnist.js'
export type { NpyOptions } from './npy.js'
export type { NpzOptions } from './npz.js'
export { type OpenOptions, openDataset } from './open.js'
export type { PackedOptions } from './packed/packed.js'
export type { Split } from './split.js'
export { TOY_KINDS, type ToyKind, type ToyOptions } from './toys.js'

/** The ways to get a data set; each returns a promise of one. */
export const datasets = {
  /** The 1797 handwritten digits that come with the package. */
  digits,
  /** MNIST, where it is found on this machine. */
  mnist,
  /** Fashion-MNIST, where it is found on this machine. */
  fashion,
  /** Points in the plane. */
  toy,
  /** An IDX file, as MNIST has. */
  idx,
  /** The binary version of CIFAR-10. */
  cifar10,
  /** The binary version of CIFAR-100. */
  cifar100,
  /** A file of `numpy.save`. */
  npy,
  /** An array of a file of `numpy.savez`. */
  npz,
  /** Images of a zip archive, with the labels of its `dataset.json`. */
  zip,
  /** Images of tar archives, as WebDataset has them. */
  tar,
  /** Images of Parquet files, as Hugging Face has them. */
  parquet,
  /** The images of a folder. */
  folder,
  /** Image files by name. */
  images,
  /** Numbers of your own. */
  array,
} as const
