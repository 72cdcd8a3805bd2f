import { product } from '../check.js'

/** A covariance of more features than this is not summed: ten of them would take gigabytes. */
export const MOST_FEATURES = 3072

/** Whether items of a shape have a Frechet distance by their own numbers, or by features that come with the package. */
export const hasFrechetDistance = (shape: readonly number[]): boolean => product(shape) <= MOST_FEATURES
