/** Messages of ONNX (onnx.proto), of which these are all that are written. */
import { field, floatField, type Pieces, textField, varintField } from '../../../files/protobuf.js'

/** Integers, a number, several numbers or text. */
export type Attribute = number | readonly number[] | string | { readonly float: number }

/** TensorProto.DataType. */
export const TYPES = { float32: 1, int64: 7 } as const
export type ElementType = keyof typeof TYPES

/** AttributeProto.AttributeType. */
const [FLOAT, INT, STRING, INTS] = [1, 2, 3, 7]

/** NodeProto: what an operation makes of values, which are known by their names. */
export function node(
  operation: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Attribute>>,
): Pieces {
  return [
    ...inputs.flatMap((name) => textField(1, name)),
    ...textField(2, output),
    ...textField(3, output),
    ...textField(4, operation),
    ...Object.entries(attributes).flatMap(([name, value]) => field(5, attribute(name, value))),
  ]
}

/** @param value integers from 0 */
function attribute(name: string, value: Attribute): Pieces {
  const called = textField(1, name)
  if (typeof value === 'number') return [...called, ...varintField(3, value), ...varintField(20, INT!)]
  if (typeof value === 'string') return [...called, ...textField(4, value), ...varintField(20, STRING!)]
  if ('float' in value) return [...called, ...floatField(2, value.float), ...varintField(20, FLOAT!)]
  return [...called, ...value.flatMap((each) => varintField(8, each)), ...varintField(20, INTS!)]
}

/** TensorProto: values that the file has. */
export function tensor(name: string, type: ElementType, shape: readonly number[], bytes: Uint8Array): Pieces {
  return [
    ...shape.flatMap((size) => varintField(1, size)),
    ...varintField(2, TYPES[type]),
    ...textField(8, name),
    ...field(9, bytes),
  ]
}

/** ValueInfoProto of an input or output. @param shape sizes, and names of those that are known when it runs */
export function valueInfo(name: string, type: ElementType, shape: readonly (number | string)[]): Pieces {
  const sizes = shape.flatMap((size) =>
    field(1, typeof size === 'number' ? varintField(1, size) : textField(2, size)),
  )
  const tensorType = [...varintField(1, TYPES[type]), ...field(2, sizes)]
  return [...textField(1, name), ...field(2, field(1, tensorType))]
}

/** GraphProto. */
export function graph(
  name: string,
  parts: Readonly<Record<'nodes' | 'initializers' | 'inputs' | 'outputs', readonly Pieces[]>>,
): Pieces {
  return [
    ...parts.nodes.flatMap((each) => field(1, each)),
    ...textField(2, name),
    ...parts.initializers.flatMap((each) => field(5, each)),
    ...parts.inputs.flatMap((each) => field(11, each)),
    ...parts.outputs.flatMap((each) => field(12, each)),
  ]
}

/** ModelProto. @param opset version of ONNX's operators; @param metadata texts by their names */
export function model(
  whole: Pieces,
  {
    irVersion,
    opset,
    metadata,
  }: { irVersion: number; opset: number; metadata: Readonly<Record<string, string>> },
): Pieces {
  return [
    ...varintField(1, irVersion),
    ...textField(2, 'pfgm-torch'),
    ...field(7, whole),
    ...field(8, textField(1, ''), varintField(2, opset)),
    ...Object.entries(metadata).flatMap(([key, value]) => field(14, textField(1, key), textField(2, value))),
  ]
}
