import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { doubleField, field, floatField, type Pieces, textField, varintField } from '../files/protobuf.js'
import { tfRecord } from '../files/tfrecord.js'
import type { TrainEvent } from './events.js'

/** What TensorBoard calls where the numbers of an event are shown; others are not. */
const SECTIONS: { readonly [Type in TrainEvent['type']]?: string } = {
  step: 'training',
  evaluation: 'evaluation',
  end: 'evaluation',
}

/** What TensorBoard reads of a run: an event file in its folder, one for each time that the run begins or goes on. */
export class EventFile {
  readonly #path: string
  /** Written before the first event. */
  #head: Buffer | undefined

  /** @param step where the run begins: what other files of the folder say of later ones counts no more */
  constructor(folder: string, step: number) {
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0')
    this.#path = join(folder, `events.out.tfevents.${seconds}.${String(step).padStart(10, '0')}`)
    const restart = step > 0 ? [event(step + 1, field(7, varintField(1, SESSION_START)))] : []
    this.#head = Buffer.concat([event(0, field(3, Buffer.from('brain.Event:2'))), ...restart])
  }

  /** Every number of an event that is logged, as a scalar. */
  async scalars(logged: TrainEvent): Promise<void> {
    const section = SECTIONS[logged.type]
    if (section === undefined || !('step' in logged)) return
    const { step, ...rest } = logged
    const values = numbersOf(rest).map(([name, value]) =>
      field(1, textField(1, `${section}/${name}`), floatField(2, value)),
    )
    await this.#append(event(step, field(5, ...values)))
  }

  /** A picture of samples, from its PNG. */
  async picture(step: number, path: string): Promise<void> {
    const png = await readFile(path)
    const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)]
    const channels = png[25] === GREY ? 1 : 3
    const size = [varintField(1, height), varintField(2, width), varintField(3, channels)]
    const image = field(4, ...size, field(4, png))
    await this.#append(event(step, field(5, field(1, textField(1, 'samples'), image))))
  }

  async #append(record: Buffer): Promise<void> {
    await appendFile(this.#path, this.#head ? Buffer.concat([this.#head, record]) : record)
    this.#head = undefined
  }
}

/** A PNG's type of colour. */
const GREY = 0

/** SessionLog.START of TensorFlow's event.proto, whose messages and numbers of fields these are. */
const SESSION_START = 1

/** An Event, as a record: wall_time 1, step 2, and what it says. */
function event(step: number, what: Pieces): Buffer {
  return tfRecord(Buffer.concat([...doubleField(1, Date.now() / 1000), ...varintField(2, step), ...what]))
}

/** Numbers of an object and of the objects in it, by their names: `distance/value`. */
function numbersOf(object: object): [string, number][] {
  return Object.entries(object).flatMap(([name, value]): [string, number][] => {
    if (typeof value === 'number') return [[name, value]]
    if (typeof value !== 'object' || value === null) return []
    return numbersOf(value).map(([inner, number]) => [`${name}/${inner}`, number])
  })
}
