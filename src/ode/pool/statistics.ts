/** How a sample's path ended: at its end, or where it was when it could not go on. */
export type SampleStatus = 'done' | 'maxEvaluations' | 'notFinite'

/** What the samples' paths cost. */
export interface SampleStatistics {
  /** Drift evaluations of each sample. */
  readonly evaluations: Int32Array
  /** Steps of each sample that were taken. */
  readonly accepted: Int32Array
  /** Steps of each sample that were tried and found too long. */
  readonly rejected: Int32Array
  /** Smallest accepted step of each sample, in ln z; the last one, cut to the end, left out. Infinity without any. */
  readonly smallestStep: Float64Array
  /** Whether a sample's path ever left the region the network was trained on. */
  readonly outside: Uint8Array
  /** How the path of each sample ended. */
  readonly status: SampleStatus[]
  /** Where the time went. */
  readonly seconds: {
    /** Of waiting for evaluations of the flow, which samplings at the same time share. */
    network: number
    /** Of all the rest. */
    other: number
  }
}

/** A sample begins: another one may have been in its place. */
export function beginStatistics(statistics: SampleStatistics, sample: number): void {
  statistics.evaluations[sample] = 0
  statistics.accepted[sample] = 0
  statistics.rejected[sample] = 0
  statistics.smallestStep[sample] = Number.POSITIVE_INFINITY
  statistics.outside[sample] = 0
}

/** Of samples that have not begun. */
export function noStatistics(count: number): SampleStatistics {
  return {
    evaluations: new Int32Array(count),
    accepted: new Int32Array(count),
    rejected: new Int32Array(count),
    smallestStep: new Float64Array(count).fill(Number.POSITIVE_INFINITY),
    outside: new Uint8Array(count),
    status: new Array<SampleStatus>(count).fill('done'),
    seconds: { network: 0, other: 0 },
  }
}
