/** What a page of runs is told, as JSON. */

/** What is known of a run at a glance. */
export interface RunSummary {
  /** By which requests name it. */
  readonly name: string
  /** Another one where another run has taken the folder. */
  readonly id: string
  /** Trained now; ended at its last step; or broken off. */
  readonly state: 'training' | 'ended' | 'stopped'
  /** The name of its data. */
  readonly data: string
  /** The kind of its flow. */
  readonly flow: string
  /** Steps in all. */
  readonly steps: number
  /** The shape of an item. */
  readonly shape: readonly number[]
  /** The newest step that its log has. */
  readonly step: number
  /** Seconds that are left, of one that is trained. */
  readonly secondsLeft?: number
  /** How long its log is. */
  readonly logBytes: number
  /** Steps of which there is a picture, rising. */
  readonly pictures: readonly number[]
  /** When the picture of the end was written, in milliseconds since 1970, where there is one. */
  readonly finalPicture?: number
  /** The step of its newest checkpoint, where there is one. */
  readonly checkpoint?: number
}

/** A line of a log: what was measured at a step, by names. */
export interface LogPoint {
  readonly step: number
  readonly values: Readonly<Record<string, number>>
}

/** A part of a log. */
export interface LogPart {
  /** Of the run; another one than before where the log is another. */
  readonly id: string
  /** Where the part begins: as asked, or 0 where the log is shorter than that. */
  readonly from: number
  /** Where the next begins. */
  readonly next: number
  readonly points: readonly LogPoint[]
}

/** The flow of a model of points in the plane, to be drawn. */
export interface FieldAnswer {
  /** Of the checkpoint. */
  readonly step: number
  /** What the flow calls its height. */
  readonly heightName: string
  /** Heights of the places of paths, falling. */
  readonly heights: readonly number[]
  /** A path a sample, from the prior to the data: x and y at each of the heights. */
  readonly paths: readonly (readonly number[])[]
  /** The flow across planes, falling. */
  readonly levels: readonly FieldLevel[]
  /** Points of the data, x and y of each, where they are known by name. */
  readonly data: readonly number[]
}

/** The way that samples take across a plane, on a square grid. */
export interface FieldLevel {
  readonly height: number
  /** Half the side of the square that the grid covers, to its outermost places. */
  readonly extent: number
  /** Places of a side. */
  readonly side: number
  /** x and y of the way as the height falls, a unit in ln(height), row by row from -y. */
  readonly ways: readonly number[]
}
