import { oneOf, SWITCH } from '../arguments/schema.js'

/** The parts that published data sets come in. */
export const SPLITS = ['train', 'test'] as const
/** One of the two. */
export type Split = (typeof SPLITS)[number]

/** What all of them may be asked for. */
export const SPLIT_FIELDS = { split: oneOf(SPLITS), mirror: SWITCH }
